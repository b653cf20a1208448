import CFuzzer
import FuzzTargets
import Glibc
import Merops

// libFuzzer's targets: whatever the bytes are, each ends in a value or in an error. The first byte chooses what the rest
// is read as, so that one corpus serves all.

@main
enum Fuzz {
  static func main() {
    var (count, arguments): (CInt, UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) = (
      CommandLine.argc, CommandLine.unsafeArgv
    )
    exit(
      LLVMFuzzerRunDriver(&count, &arguments, { start, count in test(UnsafeBufferPointer(start: start, count: count)) })
    )
  }
}

private func test(_ input: UnsafeBufferPointer<UInt8>) -> CInt {
  guard let choice = input.first else { return 0 }
  let bytes = Array(input.dropFirst())
  switch choice % 9 {
  case 0: object(bytes)
  case 1: types(bytes)
  case 2: kernelTypes(bytes)
  case 3: module(bytes)
  case 4: _ = VerifierLog(text: String(decoding: bytes, as: UTF8.self)).decisiveLines
  case 5: instructions(bytes)
  case 6: readCaptureFile(bytes)
  case 7: compileFilter(bytes)
  default: printPackets(bytes)
  }
  return 0
}

/// What objects are completed for.
private let kernel: TargetKernel = {
  var kernel = TargetKernel()
  kernel.release = "6.6.7"
  kernel.configuration = Array("CONFIG_HZ=250\nCONFIG_X=\"text\"\nCONFIG_Y=m\n".utf8)
  kernel.symbols = Array("ffffffff81000000 T _stext\n".utf8)
  kernel.btf = environment("FUZZ_BTF").flatMap(file).flatMap { try? BTF(bytes: $0) }
  return kernel
}()

/// ELF, .BTF, .BTF.ext, relocations, lines: read, completed, and put into words.
private func object(_ bytes: [UInt8]) {
  guard let object = try? ObjectSpec(name: "fuzz.bpf.o", bytes: bytes) else { return }
  _ = ObjectListing(object, file: "fuzz.bpf.o").text(Set(ObjectListing.Part.allCases))
  if let plan = try? LoadPlan(object, kernel: kernel) {
    _ = PlanListing(plan, of: object).text(Set(ObjectListing.Part.allCases))
  }
}

private func types(_ bytes: [UInt8]) {
  guard let btf = try? BTF(bytes: bytes) else { return }
  _ = try? CHeader.text(of: btf)
}

/// The same bytes as a kernel's types, for an object that uses everything that CO-RE has.
private func kernelTypes(_ bytes: [UInt8]) {
  guard let btf = try? BTF(bytes: bytes) else { return }
  var other = kernel
  other.btf = btf
  for object in samples { _ = try? LoadPlan(object, kernel: other) }
}

private func module(_ bytes: [UInt8]) {
  guard let base = kernel.btf, let btf = try? BTF(bytes: bytes, base: base) else { return }
  var other = kernel
  other.modules = { [KernelModule(name: "fuzz") { btf }] }
  for object in samples { _ = try? LoadPlan(object, kernel: other) }
}

private func instructions(_ bytes: [UInt8]) {
  var index = 0
  while let instruction = try? Instruction(in: bytes, at: index) {
    index += Instruction.byteCount
    _ = instruction.disassembly(second: try? Instruction(in: bytes, at: index))
  }
}

private let samples: [ObjectSpec] = (environment("FUZZ_OBJECTS") ?? "").split(separator: ":").compactMap { path in
  file(String(path)).flatMap { try? ObjectSpec(name: "sample.bpf.o", bytes: $0) }
}
