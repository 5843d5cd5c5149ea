// Bundles a module of the documents with the packages that it imports, and prints the script. From the
// environment:
//
//   SNIPPET    the module
//   PLATFORM   browser: its exports become the global "snippet"; node: it becomes a module

import { build } from 'esbuild'

const { SNIPPET, PLATFORM } = process.env
const folder = (version, name) => `${import.meta.dirname}/${version}/node_modules/@dfns/${name}`

const { outputFiles } = await build({
  entryPoints: [SNIPPET],
  alias: {
    '@dfns/sdk': folder('v0.8', 'sdk'),
    '@dfns/sdk-browser': folder('v0.6', 'sdk-browser'),
    '@dfns/sdk-keysigner': folder('v0.8.3', 'sdk-keysigner'),
  },
  bundle: true,
  format: PLATFORM === 'node' ? 'cjs' : 'iife',
  globalName: PLATFORM === 'node' ? undefined : 'snippet',
  platform: PLATFORM,
  target: 'es2022',
  write: false,
})
process.stdout.write(outputFiles[0].text)
