// Challenges fetched before they are needed: the browser must be asked in the very click,
// because after a call to the server Safari no longer counts it.
import { claimsOf } from "./format.js";

// lifeOf reads from a token how long it lives. It uses only the difference of the token's
// times, so this device's clock may be wrong. renewAt leaves at least half the life, or six
// minutes of it, for the prompt.
export function lifeOf(token) {
  let life = 5 * 60_000; // the shortest life a server may give
  const { exp, iat } = claimsOf(token);
  if (exp > iat) life = (exp - iat) * 1000;
  const renewAt = Date.now() + Math.max(life / 2, life - 6 * 60_000);
  return { renewAt, endsAt: Date.now() + life };
}

// Offers keeps one challenge per who: an organisation and a user name, both of which may be
// missing. begin asks the server for one.
export class Offers {
  #begin;
  #ready = new Map();
  #pending = new Map();

  constructor(begin) {
    this.#begin = begin;
  }

  // ready returns a challenge with enough time left for a prompt, or null.
  ready(who) {
    const offer = this.#ready.get(key(who));
    return offer && Date.now() < offer.renewAt ? offer : null;
  }

  // get returns a promise of such a challenge.
  get(who) {
    const ready = this.ready(who);
    if (ready) return Promise.resolve(ready);
    const k = key(who);
    if (!this.#pending.has(k)) {
      this.#pending.set(k, this.#begin(who).then((challenge) => {
        const offer = { who, challenge, ...lifeOf(challenge.challengeIdentifier) };
        this.#ready.set(k, offer);
        return offer;
      }).finally(() => this.#pending.delete(k)));
    }
    return this.#pending.get(k);
  }

  // spend forgets a challenge that was answered: it can be used once.
  spend({ who }) {
    this.#ready.delete(key(who));
  }
}

const key = ({ orgId = "", username = "" }) => JSON.stringify([orgId, username]);
