// What is said about roles that somebody has.
export const text = {
  roles: "Roles",
  none: "None. Without a role almost nothing is allowed.",
  take: "Take away",
  takeNamed: (role, name) => `Take ${role} away from ${name}`,
  choose: "Choose a role\u2026",
  role: (name) => `A role for ${name}`,
  give: "Give role",
  first: "Choose the role first.",
  // A phrase ends with a text or with a name.
  withRole: (deed, role) => (deed.length % 2
    ? [...deed.slice(0, -1), `${deed.at(-1)} with the role `, role]
    : [...deed, " with the role ", role]),
  giving: (role, name) => ["Give the role ", role, " to ", name],
  taking: (role, name) => ["Take the role ", role, " away from ", name],
};
