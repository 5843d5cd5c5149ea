// A page where administrators see lists and, in most, sign changes to what is listed.
import * as draft from "./draft.js";
import * as words from "./pagemessages.js";
import { account, openPage, showError, signs, watchEnd } from "./page.js";
import { Rows } from "./rows.js";
import { $, alarm, say, show } from "./view.js";

export class ListPage {
  #title;
  #needs;
  #load;
  #sign;
  #reopen;
  #tables = [];

  // needs are the operations of which the caller must hold one. load fills the tables. sign
  // is sign.js's, for a page with the dialog for it. reopen opens the form that draft.opened was
  // told of, and returns what is to be called once it is filled in.
  constructor(title, needs, load, sign = null, reopen = null) {
    this.#title = title;
    this.#needs = needs;
    this.#load = load;
    this.#sign = sign;
    this.#reopen = reopen;
  }

  // table makes the Rows of an id, which are then refreshed with the page.
  table(id, of) {
    const rows = new Rows(id, of, this.failed);
    this.#tables.push(rows);
    return rows;
  }

  open = async () => {
    if (!(await openPage(this.#title, this.#needs, this.open))) return;
    const typed = draft.take();
    draft.closed();
    if (typed && $("find")) draft.fill(typed, $("find"));
    try {
      await this.#load();
    } catch (error) {
      show("ready", this.#title);
      this.failed(error);
      return;
    }
    this.#showList();
    watchEnd(this.open);
    this.#resume(typed);
  };

  // resume opens the form again that was open when the session ended.
  #resume(typed) {
    const filled = typed?.form && this.#reopen?.(typed.form);
    if (!filled) return;
    draft.fill(typed, $("form"));
    filled();
    say(words.text.typedKept);
  }

  // failed says what went wrong.
  failed = (error) => showError(error, this.open);

  // back leaves a form and shows the lists again, as they are now.
  back = async () => {
    draft.closed();
    this.#showList();
    await this.#refresh();
  };

  // sign has a change signed and then shows what there is. It returns the server's answer,
  // or null when nothing came of it.
  sign = async (change) => {
    const answer = await this.#sign(change);
    await this.#refresh(true);
    return answer;
  };

  #refresh(anew = false) {
    return Promise.all(this.#tables.map((rows) => rows.refresh(anew))).catch(this.failed);
  }

  // Who cannot sign in a browser is told so before filling in a form.
  #showList() {
    show("ready", this.#title);
    if (this.#sign && !account.credentials.some(signs)) alarm(words.text.noPasskey, {});
  }
}
