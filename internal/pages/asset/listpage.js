// A page where administrators see lists and, in most, sign changes to what is listed.
import * as words from "./pagemessages.js";
import { account, openPage, showError, watchEnd } from "./page.js";
import { Rows } from "./rows.js";
import { alarm, show } from "./view.js";

export class ListPage {
  #title;
  #needs;
  #load;
  #sign;
  #tables = [];

  // needs are the operations of which the caller must hold one. load fills the tables. sign
  // is sign.js's, for a page with the dialog for it.
  constructor(title, needs, load, sign = null) {
    this.#title = title;
    this.#needs = needs;
    this.#load = load;
    this.#sign = sign;
  }

  // table makes the Rows of an id, which are then refreshed with the page.
  table(id, of) {
    const rows = new Rows(id, of, this.failed);
    this.#tables.push(rows);
    return rows;
  }

  open = async () => {
    if (!(await openPage(this.#title, this.#needs, this.open))) return;
    try {
      await this.#load();
    } catch (error) {
      show("ready", this.#title);
      this.failed(error);
      return;
    }
    this.#showList();
    watchEnd(this.open);
  };

  // failed says what went wrong.
  failed = (error) => showError(error, this.open);

  // back leaves a form and shows the lists again, as they are now.
  back = async () => {
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
    const signs = (c) => c.kind === "Fido2" && c.isActive && c.factor === "first";
    if (this.#sign && !account.credentials.some(signs)) alarm(words.text.noPasskey, {});
  }
}
