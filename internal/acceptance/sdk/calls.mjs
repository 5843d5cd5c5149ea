// Calls the exported functions of bundled snippets, one after the other, and prints what the last
// returned. MODULES names the bundles; CALLS is JSON: [{name, arguments}], where an argument "$n"
// stands for what call n returned.

import { createRequire } from 'node:module'

const load = createRequire(import.meta.url)
const functions = Object.assign({}, ...JSON.parse(process.env.MODULES).map((path) => load(path)))
const results = []
for (const call of JSON.parse(process.env.CALLS)) {
  const given = call.arguments.map((a) => (/^\$\d+$/.test(a) ? results[Number(a.slice(1))] : a))
  results.push(await functions[call.name](...given))
}
process.stdout.write(JSON.stringify(results.at(-1) ?? null))
