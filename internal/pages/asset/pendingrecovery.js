// A recovery that waits: what its owner sees of it on the account page, and administrators on the people page.
import * as api from "./api.js";
import { account, may } from "./page.js";
import { button, changeButton, facts, mark, section, time } from "./parts.js";
import { refusals, text } from "./pendingmessages.js";
import { $, element, say } from "./view.js";

const details = (recovery) => facts([
  [text.since, time(recovery.since)],
  ...(recovery.address ? [[text.address, recovery.address]] : []),
  ...(recovery.until === recovery.since ? [] : [[text.until, time(recovery.until)]]),
  ...(recovery.approval === "none" ? [] : [[text.approval, text.approvals[recovery.approval] || recovery.approval]]),
]);

// showOwn shows the recovery of one's own account, if one waits. run makes the call that stops it, and says
// what goes wrong.
export function showOwn(run) {
  const { recovery } = account;
  $("own-recovery").hidden = !recovery;
  $("own-recovery").replaceChildren(...(recovery ? [
    element("h2", text.title),
    element("p", text.lead),
    element("dl", details(recovery), { class: "details" }),
    element("div", button(text.stop, () => run(text.stopping, stop), { kind: "danger", key: "stop-recovery" }), { class: "actions" }),
  ] : []));
}

async function stop() {
  let sentence = text.stopped;
  try {
    await api.stopRecovery();
  } catch (error) {
    if (error.code !== "recovery_not_pending") throw error;
    sentence = text.over;
  }
  delete account.recovery;
  showOwn();
  $("title").focus();
  say(sentence);
}

// marked adds to the mark of a person's state that their recovery waits, if one does.
export const marked = (p, state) => (p.recovery ? element("div", [state, mark(text.badge, "bound")], { class: "marks" }) : state);

// recoveryOf is the part of a person's panel about their recovery, if one waits.
export function recoveryOf(p, sign) {
  const { recovery, userId: id, username } = p;
  if (!recovery) return [];
  const change = (what, body) => changeButton(text, what, username,
    { method: "POST", path: `/countersign/people/${id}/recovery/${what.replace("Recovery", "")}`, body, refusals }, sign);
  const all = [];
  if (may("Auth:Users:Recover")) {
    if (recovery.approval === "needed" && id !== account.user.id) all.push(change("approveRecovery", { recoveryId: recovery.id }));
    all.push(change("stopRecovery", {}));
  }
  return section(text.section, all, element("p", text.ofAnother, { class: "hint" }), element("dl", details(recovery), { class: "details" }));
}
