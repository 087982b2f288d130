// Writes the folders beside this file with hypercore 10. Needs `npm ci` in tests/golden/generate.
//
//   node generate.js

const fs = require('fs')
const path = require('path')
const { createRequire } = require('module')
const packages = createRequire(path.join(__dirname, '../../../tests/golden/generate/package.json'))
const Hypercore = packages('hypercore10')
const crypto = packages('hypercore-crypto')

const block = (i) => Buffer.alloc((i * 37) % 101, `block ${i} `)

async function write(name, options, change) {
  const folder = path.join(__dirname, name)
  fs.rmSync(folder, { recursive: true, force: true })
  const core = new Hypercore(folder, { keyPair: crypto.keyPair(Buffer.alloc(32, 7)), ...options })
  await core.ready()
  for (let i = 0; i < 13; i++) await core.append(block(i))
  if (change) await change(core)
  await core.close()
}

async function main() {
  await write('compat', { compat: true })
  await write('manifest', { compat: false })
  await write('truncated', { compat: true }, async (core) => {
    await core.truncate(5)
    await core.append([Buffer.from('after'), Buffer.from('the cut')])
  })
  await write('cleared', { compat: true }, (core) => core.clear(4, 6))
}

main()
