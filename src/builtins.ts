/**
 * Parts of Node that only some processes use, or use late: each is loaded when it is first asked for. An import loads
 * a module at the start, and asks for each of its exports: one of node:http's brings a whole HTTP client with it,
 * 16 MB resident in every process; fetched this way it is 1 MB. node:tls takes 30 ms of processor time, node:crypto
 * 10. They are parts of the program: what has given up its rights can still load them.
 */

export function nodeHttp() {
  return process.getBuiltinModule('node:http');
}

export function nodeTls() {
  return process.getBuiltinModule('node:tls');
}

export function nodeCrypto() {
  return process.getBuiltinModule('node:crypto');
}
