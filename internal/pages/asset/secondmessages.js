// What is said about a second factor, under the names of messages.js.
export const text = {
  title: "One more step",
  code: "Code from your app",
  codeHint: "Six digits. Each code works once; a new one comes every 30 seconds.",
  go: "Continue",
  passkey: "Use your second passkey",
  malformed: "Enter the six digits that your app shows.",
  invalid: "This code is not right. Enter the one that your app shows now.",
  used: "This code was used already. Wait for the next one.",
};

// Codes from an app, on the account page.
export const codes = {
  name: "Code app",
  now: "Add one now",
  picture: "The key as a QR code, for the app to scan. It is written below as well.",
  summary: ["Add codes from an app as ", "second factor"],
  warning: "From then on, whoever holds the app has your second factor. It signs nothing by itself.",
  missing: {
    mild: true,
    title: "Your organisation asks for a second factor",
    text: "You have none yet. You can go on as you are; please add one soon.",
    actions: ["codes"],
  },
  missingInactive: {
    mild: true,
    title: "Your organisation asks for a second factor",
    text: "Your codes from an app are deactivated. Activate them below, or remove them and add new ones. You can go on as you are.",
  },
  missingOnly: {
    mild: true,
    title: "Your organisation asks for a second factor",
    text: "You have none yet. You can go on as you are; ask an administrator how to add one.",
  },
  refusals: {
    one_time_code_invalid: () => ({ title: "The code is not right", text: "Close this and enter the code that your app shows now. Nothing was added." }),
    one_time_code_malformed: () => ({ title: "The code is not right", text: "Close this and enter the six digits that your app shows now. Nothing was added." }),
    credential_already_registered: () => ({ title: "You have an app already", text: "Remove it from the list first, if this one replaces it. Nothing was added." }),
    credential_kind_not_supported: () => ({ title: "Codes are not accepted any more", text: "Your organisation has switched them off. Nothing was added." }),
    challenge_invalid: () => ({ title: "That took too long", text: "Close this and begin once more. Nothing was added." }),
    ceremony_expired: () => ({ title: "That took too long", text: "Close this and begin once more. Nothing was added." }),
  },
};
