// Bundles one version of the SDK with one of its browser signers, and prints the
// script. SDK and SIGNER name the folders of the versions; nothing in them is changed.

import { build } from 'esbuild'

const { SDK, SIGNER, SIGNER_PACKAGE } = process.env

const { outputFiles } = await build({
  stdin: {
    contents: `
      import * as sdk from './${SDK}/node_modules/@dfns/sdk/index.js'
      import * as fetches from './${SDK}/node_modules/@dfns/sdk/utils/fetch.js'
      import * as signers from './${SIGNER}/node_modules/@dfns/${SIGNER_PACKAGE}/index.js'
      import { install } from './browser.mjs'
      install({ ...sdk, ...fetches, ...signers }, ${/^v0\.[123]$/.test(SDK)})
    `,
    resolveDir: import.meta.dirname,
  },
  bundle: true,
  format: 'iife',
  platform: 'browser',
  target: 'es2022',
  write: false,
})
process.stdout.write(outputFiles[0].text)
