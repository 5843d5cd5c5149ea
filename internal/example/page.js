// Signs one transfer with a passkey and sends it. The session's token stays in memory:
// closing the page forgets it.
const form = document.querySelector("form");
const status = document.querySelector("[role=status]");
const { countersign, org } = form.dataset;
let session = "";

async function post(url, body, headers = {}) {
  const answer = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
  const json = await answer.json();
  if (!answer.ok) throw new Error(`${json.message} (${json.error?.id})`);
  return json;
}

const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer ?? []))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

// answer has the passkey sign a challenge of Countersign.
async function answer(challenge) {
  const { id, response } = await navigator.credentials.get({
    publicKey: {
      challenge: bytes(challenge.challenge),
      rpId: challenge.rp.id,
      userVerification: challenge.userVerification,
      allowCredentials: challenge.allowCredentials.webauthn.map((c) => ({ type: "public-key", id: bytes(c.id) })),
    },
  });
  return {
    challengeIdentifier: challenge.challengeIdentifier,
    firstFactor: {
      kind: "Fido2",
      credentialAssertion: {
        credId: id,
        clientData: text(response.clientDataJSON),
        authenticatorData: text(response.authenticatorData),
        signature: text(response.signature),
        userHandle: text(response.userHandle),
      },
    },
  };
}

async function logIn() {
  const challenge = await post(`${countersign}/auth/login/init`, { orgId: org }); // no username: any of its passkeys
  return (await post(`${countersign}/auth/login`, await answer(challenge))).token;
}

// sign has exactly this request signed: method, address with this page's origin, body.
async function sign(method, path, body) {
  const bearer = { Authorization: `Bearer ${session}` };
  const request = { userActionHttpMethod: method, userActionHttpPath: location.origin + path, userActionPayload: body };
  const challenge = await post(`${countersign}/auth/action/init`, request, bearer);
  return (await post(`${countersign}/auth/action`, await answer(challenge), bearer)).userAction;
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  status.textContent = "";
  try {
    session ||= await logIn();
    const body = JSON.stringify(Object.fromEntries(new FormData(form)));
    const done = await post("/transfers", body, { "X-DFNS-USERACTION": await sign("POST", "/transfers", body) });
    status.textContent = `${done.amount} sent to ${done.to}, signed by ${done.signedBy} (${done.action}).`;
  } catch (error) {
    session = ""; // it may have ended
    status.textContent = error.message;
  }
});
