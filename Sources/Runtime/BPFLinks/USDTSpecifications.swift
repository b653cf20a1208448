import BPFLoader
import BPFObjectFile
import ELFReading
import LinuxCalls
import Synchronization

/// The elements of a program's maps that tell it where a probe's arguments are: the agreement between libbpf and its
/// <bpf/usdt.bpf.h>. The cookie of a place is the number of its element in `__bpf_usdt_specs`; before cookies, the address
/// of the place finds that in `__bpf_usdt_ip_to_spec_id`.
final class USDTSpecifications: Sendable {
  /// What each place gets as its cookie.
  let cookies: [UInt64]
  private let specifications: Map?
  private let addresses: Map?
  private let taken: Set<UInt32>
  private let keys: [UInt64]
  private let isKept = Mutex(false)

  static func areWanted(by program: Program) -> Bool { program.maps.contains { $0.name == "__bpf_usdt_specs" } }

  /// - Parameters:
  ///   - cookie: the caller's own, which is part of each specification; the place's own where the program has none.
  ///   - loaded: the addresses of the places, for a program that knows no cookies.
  init(
    for program: Program, _ targets: [USDTTarget], cookie: UInt64, addresses loaded: [UInt64]
  ) throws(SystemCallError) {
    guard let map = program.maps.first(where: { $0.name == "__bpf_usdt_specs" }) else {
      cookies = targets.map { _ in cookie }
      (specifications, addresses, taken, keys) = (nil, nil, [], [])
      return
    }
    guard map.spec.valueSize == UInt32(Self.byteCount), map.spec.keySize == 4 else {
      throw SystemCallError(call: "fill map __bpf_usdt_specs, which is of another <bpf/usdt.bpf.h>", errno: .invalidArgument)
    }
    var numbers: [[UInt8]: UInt32] = [:]
    var cookies: [UInt64] = []
    do throws(SystemCallError) {
      for target in targets {
        let bytes = try Self.bytes(target.arguments, cookie: cookie)
        let number = if let known = numbers[bytes] { known } else { try map.takeElement() }
        if numbers.updateValue(number, forKey: bytes) == nil {
          try unsafe BPF.update(map.descriptor, key: [number].span.bytes, value: bytes.span.bytes)
        }
        cookies.append(UInt64(number))
      }
      addresses = loaded.isEmpty ? nil : program.maps.first { $0.name == "__bpf_usdt_ip_to_spec_id" }
      if let addresses {
        for (address, number) in zip(loaded, cookies) {
          try unsafe BPF.update(
            addresses.descriptor, key: [address].span.bytes, value: [UInt32(truncatingIfNeeded: number)].span.bytes)
        }
      }
    } catch {
      map.giveBack(Set(numbers.values))
      throw error
    }
    // A kernel without cookies takes none.
    self.cookies = loaded.isEmpty ? cookies : targets.map { _ in 0 }
    specifications = map
    taken = Set(numbers.values)
    keys = loaded
  }

  /// Leaves the elements to a link that outlives its owner.
  func keep() { isKept.withLock { $0 = true } }

  func free() {
    guard !isKept.withLock({ $0 }) else { return }
    if let addresses { for key in keys { try? unsafe BPF.delete(addresses.descriptor, key: [key].span.bytes) } }
    specifications?.giveBack(taken)
  }

  /// `struct __bpf_usdt_spec`: twelve arguments of 16 bytes, the caller's cookie, the number of arguments.
  static let byteCount = 208
  private static let argumentLimit = 12

  static func bytes(_ arguments: [USDTArgument], cookie: UInt64) throws(SystemCallError) -> [UInt8] {
    guard arguments.count <= argumentLimit else {
      throw SystemCallError(
        call: "tell a program of \(arguments.count) arguments, over \(argumentLimit)", errno: .argumentListTooLong)
    }
    var words: [UInt64] = []
    for argument in arguments {
      var value: Int64 = 0
      // `enum __bpf_usdt_arg_type`, and for the last one (libbpf 1.7) the index register and its shift.
      var (kind, register): (UInt64, Int) = (0, 0)
      switch argument.location {
      case .constant(let constant): value = constant
      case .register(let place): (kind, register) = (1, place)
      case .memory(let base, let offset): (kind, register, value) = (2, base, offset)
      case .indexed(let base, let index, let shift, let offset):
        (kind, register, value) = (3 | UInt64(index) << 8 | UInt64(shift) << 20, base, offset)
      }
      let shift = UInt64(64 - 8 * argument.byteCount)
      words.append(UInt64(bitPattern: value))
      words.append(kind | UInt64(register) << 32 | (argument.isSigned ? 1 << 48 : 0) | shift << 56)
    }
    words += [UInt64](repeating: 0, count: 2 * (argumentLimit - arguments.count))
    words += [cookie, UInt64(arguments.count)]
    return words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } }
  }
}

extension Map {
  fileprivate func takeElement() throws(SystemCallError) -> UInt32 {
    let count = spec.maxEntries
    let free = takenElements.withLock { taken -> UInt32? in
      guard let free = (0..<count).first(where: { !taken.contains($0) }) else { return nil }
      taken.insert(free)
      return free
    }
    guard let free else {
      throw SystemCallError(
        call: "find room in map \(name) of \(count) elements (BPF_USDT_MAX_SPEC_CNT)", errno: .noSpace)
    }
    return free
  }

  fileprivate func giveBack(_ elements: Set<UInt32>) { takenElements.withLock { $0.subtract(elements) } }
}
