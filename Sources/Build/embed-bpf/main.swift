// embed-bpf SOURCE.bpf.c INCLUDE-DIRECTORY OUTPUT.swift COMPILER...
//
// Compiles one BPF program with the first compiler that has a bpf target and writes a Swift function `NAMEObject()`
// that returns the object file. The bytes stand in it as hexadecimal text, because a string literal costs the Swift
// compiler nothing and an array literal of this size costs it minutes. The build plugin CompileBPF runs this.

import Glibc

func fail(_ message: String) -> Never {
  // The form of a compiler's message, which build systems pick out of their output.
  print("error: \(message)")
  exit(1)
}

/// Runs a program to its end. Returns its exit status, 127 where it could not be started.
func run(_ arguments: [String], quietly: Bool = false) -> CInt {
  var actions = unsafe posix_spawn_file_actions_t()
  unsafe posix_spawn_file_actions_init(&actions)
  defer { unsafe posix_spawn_file_actions_destroy(&actions) }
  if quietly {
    unsafe posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
    unsafe posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
  }
  var cArguments = unsafe arguments.map { unsafe strdup($0) } + [nil]
  defer { for index in unsafe cArguments.indices { unsafe free(cArguments[index]) } }
  var process = pid_t()
  guard unsafe posix_spawn(&process, arguments[0], &actions, nil, &cArguments, environ) == 0 else { return 127 }
  var status: CInt = 0
  while unsafe waitpid(process, &status, 0) == -1, errno == EINTR {}
  return status & 0x7f == 0 ? (status >> 8) & 0xff : 127
}

func hasBPFTarget(_ compiler: String) -> Bool {
  run(
    [compiler, "--target=bpf", "-mcpu=v3", "-x", "c", "-c", "/dev/null", "-o", "/dev/null"], quietly: true) == 0
}

func contents(of path: String) -> [UInt8] {
  guard let file = unsafe fopen(path, "rb") else { fail("cannot read \(path)") }
  defer { unsafe fclose(file) }
  var bytes: [UInt8] = []
  var chunk = [UInt8](repeating: 0, count: 65536)
  while case let count = unsafe fread(&chunk, 1, chunk.count, file), count > 0 { bytes += chunk[..<count] }
  return bytes
}

let arguments = CommandLine.arguments
guard arguments.count >= 4 else { fail("usage: embed-bpf SOURCE INCLUDE-DIRECTORY OUTPUT COMPILER...") }
let (source, includes, output) = (arguments[1], arguments[2], arguments[3])
let compilers = arguments[4...]
guard let compiler = compilers.first(where: hasBPFTarget) else {
  let tried = compilers.isEmpty ? "found none" : "tried \(compilers.joined(separator: ", "))"
  fail(
    "compiling \(source) takes a clang with a bpf target, version 14 or newer (\(tried)). "
      + "On Debian: apt-get install clang")
}

let object = output + ".o"
// The instruction set v3 (clang 9, kernel 5.1) is what the oldest kernel we run on, 5.10, can load.
// <linux/types.h> lies in a folder of the host's architecture on Debian, in /usr/include elsewhere.
#if arch(x86_64)
  let multiarch = "/usr/include/x86_64-linux-gnu"
#elseif arch(arm64)
  let multiarch = "/usr/include/aarch64-linux-gnu"
#endif
// Line information names the source relative to the package, so that paths of the build machine stay out of the object;
// the compiler copies the source's text into it and has to find it by that name.
let root = String(includes.dropLast("bpf/include".count))
guard includes.hasSuffix("bpf/include"), source.hasPrefix(root), unsafe chdir(root) == 0 else {
  fail("\(source) and \(includes) are not in one package")
}
let status = run([
  compiler, "--target=bpf", "-mcpu=v3", "-O2", "-g", "-std=gnu11", "-Wall", "-Wextra", "-Werror",
  "-fdebug-compilation-dir=.", "-I", "bpf/include", "-idirafter", multiarch, "-c", String(source.dropFirst(root.count)),
  "-o", object,
])
guard status == 0 else { fail("\(compiler) could not compile \(source)") }

var name = String(source.split(separator: "/").last ?? "")
name.removeLast(".bpf.c".count)
let bytes = contents(of: object)
let digits = Array("0123456789abcdef".utf8)
let hexadecimal = String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
let text = """
  internal import ByteReading

  /// The object file made from \(name).bpf.c, \(bytes.count) bytes.
  package func \(name)Object() -> [UInt8] {
    [UInt8](hexadecimal: "\(hexadecimal)")
  }

  """

guard let file = unsafe fopen(output, "wb"), unsafe fputs(text, file) >= 0, unsafe fclose(file) == 0 else {
  fail("cannot write \(output)")
}
