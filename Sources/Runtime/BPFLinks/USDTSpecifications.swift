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
    guard let layout = Layout(rawValue: Int(map.spec.valueSize)), map.spec.keySize == 4 else {
      throw SystemCallError(
        call: "fill map __bpf_usdt_specs, which is of another <bpf/usdt.bpf.h>", errno: .invalidArgument)
    }
    var numbers: [[UInt8]: UInt32] = [:]
    var cookies: [UInt64] = []
    do throws(SystemCallError) {
      for target in targets {
        let bytes = try layout.bytes(target.arguments, cookie: cookie)
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
    if let addresses { for key in keys { _ = try? addresses.delete(key) } }
    specifications?.giveBack(taken)
  }

  /// `struct __bpf_usdt_spec`, by its size in bytes: twelve arguments, the caller's cookie, the number of arguments.
  enum Layout: Int {
    /// An argument's 16 bytes: value or offset, `enum __bpf_usdt_arg_type`, place of the register, sign, bits to shift.
    case plain = 208
    /// 24 bytes since libbpf 1.7, which has put an index register and its shift in between.
    case withIndex = 304

    private static let argumentLimit = 12

    func bytes(_ arguments: [USDTArgument], cookie: UInt64) throws(SystemCallError) -> [UInt8] {
      guard arguments.count <= Self.argumentLimit else {
        throw SystemCallError(
          call: "tell a program of \(arguments.count) arguments, over \(Self.argumentLimit)",
          errno: .argumentListTooLong)
      }
      var words: [UInt64] = []
      for argument in arguments { words += try self.words(argument) }
      let wordsPerArgument = self == .plain ? 2 : 3
      words += [UInt64](repeating: 0, count: wordsPerArgument * (Self.argumentLimit - arguments.count))
      words += [cookie, UInt64(arguments.count)]
      return words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } }
    }

    private func words(_ argument: USDTArgument) throws(SystemCallError) -> [UInt64] {
      var (value, kind, register, index): (Int64, UInt64, Int, UInt64) = (0, 0, 0, 0)
      switch argument.location {
      case .constant(let constant): value = constant
      case .register(let place): (kind, register) = (1, place)
      case .memory(let base, let offset): (kind, register, value) = (2, base, offset)
      case .indexed(let base, let second, let shift, let offset):
        guard self == .withIndex else {
          throw SystemCallError(
            call: "tell of an argument with an index a program compiled with <bpf/usdt.bpf.h> before libbpf 1.7",
            errno: .notSupported)
        }
        (kind, register, value) = (3, base, offset)
        index = UInt64(second) << 16 | UInt64(shift) << 28
      }
      let isSigned: UInt64 = argument.isSigned ? 1 : 0
      let form = isSigned | UInt64(64 - 8 * argument.byteCount) << 8
      return self == .plain
        ? [UInt64(bitPattern: value), kind | UInt64(register) << 32 | form << 48]
        : [UInt64(bitPattern: value), kind | index | UInt64(register) << 48, form]
    }
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
