// A DHT of three nodes of JavaScript on loopback; prints the port where it is entered.

const DHT = require('hyperdht')

async function main() {
  const options = { host: '127.0.0.1', ephemeral: false, firewalled: false }
  const first = new DHT({ ...options, bootstrap: [] })
  await first.fullyBootstrapped()
  const { port } = first.address()
  for (let count = 1; count < 3; count++) {
    const node = new DHT({ ...options, bootstrap: [{ host: '127.0.0.1', port }] })
    await node.fullyBootstrapped()
  }
  console.log(port)
}

main()
