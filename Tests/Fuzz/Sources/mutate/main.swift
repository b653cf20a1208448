import Glibc
import Merops

// mutate COUNT TYPES OBJECT…   reads COUNT objects with some bytes changed, completes them for a kernel with these
//                              types, and puts them into words: each has to end in a plan or an error, within a second
//
// Prints what became of them, the longest time and the largest memory. Exit status 1 when one took over a second.

func file(_ path: String) -> [UInt8] {
  guard let file = fopen(path, "rb") else { return [] }
  defer { fclose(file) }
  var bytes: [UInt8] = []
  var chunk = [UInt8](repeating: 0, count: 65536)
  while case let count = fread(&chunk, 1, chunk.count, file), count > 0 { bytes += chunk[..<count] }
  return bytes
}

/// The processor time of this process, in seconds.
func seconds() -> Double { Double(clock()) / Double(CLOCKS_PER_SEC) }

/// xorshift64: the same changes for the same number.
struct Mutations {
  var state: UInt64

  mutating func next() -> UInt64 {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return state
  }

  mutating func change(_ bytes: inout [UInt8]) {
    let edges: [UInt32] = [0, 1, 0x7f, 0xff, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff]
    for _ in 0...Int(next() % 8) {
      let place = Int(next() % UInt64(bytes.count - 4))
      switch next() % 5 {
      case 0: bytes[place] ^= 1 << UInt8(next() % 8)
      case 1: bytes[place] = UInt8(truncatingIfNeeded: next())
      case 2, 3:
        let word = edges[Int(next() % UInt64(edges.count))]
        for byte in 0..<4 { bytes[place / 4 * 4 + byte] = UInt8(truncatingIfNeeded: word >> UInt32(8 * byte)) }
      default: bytes.removeLast(Int(next() % UInt64(min(64, bytes.count - 64))))
      }
    }
  }
}

let arguments = CommandLine.arguments
guard arguments.count > 3, let count = Int(arguments[1]) else {
  print("usage: mutate COUNT TYPES OBJECT...")
  exit(2)
}
let objects = arguments[3...].map(file)
var kernel = TargetKernel()
kernel.btf = try BTF(bytes: file(arguments[2]))
kernel.release = "6.12.0"
var mutations = Mutations(state: 88_172_645_463_325_252)
var (unreadable, refused, planned, slowest) = (0, 0, 0, 0.0)
for number in 0..<count {
  var bytes = objects[number % objects.count]
  mutations.change(&bytes)
  let start = seconds()
  if let object = try? ObjectSpec(name: "mutated.bpf.o", bytes: bytes) {
    _ = ObjectListing(object, file: "mutated.bpf.o").text(Set(ObjectListing.Part.allCases))
    if let plan = try? LoadPlan(object, kernel: kernel) {
      planned += 1
      _ = PlanListing(plan, of: object).text(Set(ObjectListing.Part.allCases))
    } else {
      refused += 1
    }
  } else {
    unreadable += 1
  }
  slowest = max(slowest, seconds() - start)
}
var usage = rusage()
getrusage(RUSAGE_SELF.rawValue, &usage)
print(
  "\(count) objects: \(unreadable) cannot be read, \(refused) cannot be planned, \(planned) planned; "
    + "longest \(Int(slowest * 1000)) ms, largest resident set \(usage.ru_maxrss / 1024) MiB")
exit(slowest > 1 ? 1 : 0)
