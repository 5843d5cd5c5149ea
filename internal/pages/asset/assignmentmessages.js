// What is said about the roles of a user or service account, under the names of messages.js.
export const text = {
  roles: "Roles",
  none: "None. Without a role almost nothing is allowed.",
  revoke: "Take away",
  revokeNamed: (role, name) => `Take ${role} away from ${name}`,
  choose: "Choose a role\u2026",
  role: (name) => `A role for ${name}`,
  assign: "Give role",
  first: "Choose the role first.",
  // A summary ends with a text or with a name.
  withRole: (summary, role) => (summary.length % 2
    ? [...summary.slice(0, -1), `${summary.at(-1)} with the role `, role]
    : [...summary, " with the role ", role]),
  assigning: (role, name) => ["Give the role ", role, " to ", name],
  revoking: (role, name) => ["Take the role ", role, " away from ", name],
};
