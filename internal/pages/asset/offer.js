// Challenges fetched before they are needed: the browser must be asked in the very click,
// for Safari takes the user's gesture for spent after a call to the server.
import { claimsOf } from "./format.js";

// lifeOf reads from a token how long it lives. Only the difference of its times counts,
// so this device's clock may be wrong. A click comes while at least half the life, or
// six minutes of it, is left: nobody is hurried at the prompt.
export function lifeOf(token) {
  let life = 5 * 60_000; // the shortest life a server may give
  const { exp, iat } = claimsOf(token);
  if (exp > iat) life = (exp - iat) * 1000;
  const renewAt = Date.now() + Math.max(life / 2, life - 6 * 60_000);
  return { renewAt, endsAt: Date.now() + life };
}

// Offers keeps a challenge for each who: an organisation and a user name, both of which
// may be missing. begin asks the server for one.
export class Offers {
  #begin;
  #kept = new Map();
  #coming = new Map();

  constructor(begin) {
    this.#begin = begin;
  }

  // ready returns a challenge that is good for a click, or null.
  ready(who) {
    const offer = this.#kept.get(key(who));
    return offer && Date.now() < offer.renewAt ? offer : null;
  }

  // get returns a promise of a challenge that is good for a click.
  get(who) {
    const ready = this.ready(who);
    if (ready) return Promise.resolve(ready);
    const k = key(who);
    if (!this.#coming.has(k)) {
      this.#coming.set(k, this.#begin(who).then((challenge) => {
        const offer = { who, challenge, ...lifeOf(challenge.challengeIdentifier) };
        this.#kept.set(k, offer);
        return offer;
      }).finally(() => this.#coming.delete(k)));
    }
    return this.#coming.get(k);
  }

  // spend forgets a challenge that was answered: it serves once.
  spend({ who }) {
    this.#kept.delete(key(who));
  }
}

const key = ({ orgId = "", username = "" }) => JSON.stringify([orgId, username]);
