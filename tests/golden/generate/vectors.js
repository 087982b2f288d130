// Writes one file of vectors, with the generator's name and the versions of what made it.

const fs = require('fs')
const path = require('path')

const hex = (buffer) => Buffer.from(buffer).toString('hex')
const seed = (byte) => Buffer.alloc(32, byte)

function write(name, generator, packages, vectors) {
  const versions = {}
  for (const name of packages) {
    // Not require: some packages do not export their package.json.
    const file = path.join(__dirname, 'node_modules', name, 'package.json')
    versions[name] = JSON.parse(fs.readFileSync(file)).version
  }
  const content = {
    generator: 'generate/' + path.basename(generator),
    packages: versions,
    ...vectors
  }
  fs.writeFileSync(path.join(__dirname, '..', name), JSON.stringify(content, null, 1) + '\n')
}

module.exports = { hex, seed, write }
