internal import CLinux

/// bpf(2), one function per command. The attribute structures and their pointers live and die inside.
package enum BPF {
  static func call<Attribute: BitwiseCopyable>(
    _ name: String, _ command: CInt, _ attribute: inout Attribute
  ) throws(SystemCallError) -> Int {
    // The verifier gives up with EAGAIN when a signal arrives; the kernel's own tools try again a few times.
    for _ in 0..<5 {
      let result = unsafe linux_bpf(command, &attribute, MemoryLayout<Attribute>.size)
      if result != -Int(Errno.tryAgain.rawValue) { return try checked("bpf(\(name))", result) }
    }
    throw SystemCallError(call: "bpf(\(name))", errno: .tryAgain)
  }

  static func descriptor<Attribute: BitwiseCopyable>(
    _ name: String, _ command: CInt, _ attribute: inout Attribute
  ) throws(SystemCallError) -> FileDescriptor {
    FileDescriptor(adopting: CInt(try call(name, command, &attribute)))
  }

  static func address(_ pointer: UnsafeRawPointer?) -> UInt64 {
    UInt64(UInt(bitPattern: pointer))
  }

  /// A name as the kernel keeps it, which has 16 bytes for it and a NUL.
  package static func shortened(_ name: String) -> String { String(decoding: name.utf8.prefix(15), as: UTF8.self) }

  /// At most as many bytes as leave room for a NUL.
  static func copy<Name: BitwiseCopyable>(_ name: String, into field: inout Name) {
    unsafe withUnsafeMutableBytes(of: &field) { field in
      for (index, byte) in name.utf8.prefix(field.count - 1).enumerated() { unsafe field[index] = byte }
    }
  }

  /// A NUL-terminated name in a fixed field.
  static func string<Name: BitwiseCopyable>(_ field: Name) -> String {
    unsafe withUnsafeBytes(of: field) { unsafe String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }

  /// What a load that failed left in its log, and why it failed.
  package struct LoadFailure: Error {
    package let error: SystemCallError
    /// Empty when no log was asked for.
    package let log: String
  }

  /// BPF_BTF_LOAD.
  /// - Parameter logByteCount: how long a log to ask for, 0 for none.
  package static func loadBTF(
    _ btf: RawSpan, logByteCount: Int = 0
  ) throws(LoadFailure) -> FileDescriptor {
    var log = [UInt8](repeating: 0, count: logByteCount)
    let result = unsafe btf.withUnsafeBytes { btf in
      unsafe log.withUnsafeMutableBytes { log in
        var attribute = linux_bpf_btf_load()
        attribute.btf = unsafe address(btf.baseAddress)
        attribute.btf_size = UInt32(btf.count)
        if log.count > 0 {
          attribute.btf_log_buf = unsafe address(UnsafeRawPointer(log.baseAddress))
          attribute.btf_log_size = UInt32(log.count)
          attribute.btf_log_level = 1
        }
        return Result { () throws(SystemCallError) in
          try call("BPF_BTF_LOAD", CInt(LINUX_BPF_BTF_LOAD), &attribute)
        }
      }
    }
    switch result {
    case .success(let number): return FileDescriptor(adopting: CInt(number))
    case .failure(let error): throw LoadFailure(error: error, log: text(of: log))
    }
  }

  package struct ProgramAttributes {
    package var type: UInt32 = 0
    package var expectedAttachType: UInt32 = 0
    package var flags: UInt32 = 0
    package var license = ""
    /// `LINUX_VERSION_CODE`; kernels before 5.0 insist on it for kprobes.
    package var kernelVersion: UInt32 = 0
    /// What is attached to, in the kernel's BTF, or in that of the module or program whose descriptor is given.
    package var attachType: UInt32 = 0
    package var attachTypes: CInt = 0
    /// Descriptors of modules' BTF, which instructions refer to by their places; the first is not used (5.14).
    package var descriptors: [CInt] = []
    package init() {}
  }

  /// BPF_PROG_LOAD.
  /// - Parameters:
  ///   - instructions: `struct bpf_insn`, 8 bytes each.
  ///   - btf: the descriptor of the BTF that `functions` and `lines` refer to.
  ///   - functions: `struct bpf_func_info`, 8 bytes each.
  ///   - lines: `struct bpf_line_info`, 16 bytes each.
  ///   - logByteCount: how long a log to ask for, 0 for none.
  package static func loadProgram(
    _ program: ProgramAttributes, name: String, instructions: RawSpan, btf: borrowing FileDescriptor?,
    functions: RawSpan, lines: RawSpan, logByteCount: Int = 0
  ) throws(LoadFailure) -> FileDescriptor {
    var attribute = linux_bpf_prog_load()
    attribute.prog_type = program.type
    attribute.expected_attach_type = program.expectedAttachType
    attribute.prog_flags = program.flags
    attribute.kern_version = program.kernelVersion
    attribute.attach_btf_id = program.attachType
    attribute.attach_btf_obj_fd = UInt32(program.attachTypes)
    copy(name, into: &attribute.prog_name)
    switch btf {
    case .some(let btf): attribute.prog_btf_fd = UInt32(btf.number)
    case .none: break
    }
    attribute.insn_cnt = UInt32(instructions.byteCount / 8)
    var log = [UInt8](repeating: 0, count: logByteCount)
    let result = unsafe instructions.withUnsafeBytes { instructions in
      unsafe functions.withUnsafeBytes { functions in
        unsafe lines.withUnsafeBytes { lines in
          unsafe withTexts(program.license, program.descriptors) { license, descriptors in
            unsafe log.withUnsafeMutableBytes { log in
              if descriptors.count > 0 { attribute.fd_array = unsafe address(descriptors.baseAddress) }
              attribute.insns = unsafe address(instructions.baseAddress)
              attribute.license = unsafe address(license)
              if functions.count > 0 {
                attribute.func_info = unsafe address(functions.baseAddress)
                attribute.func_info_rec_size = 8
                attribute.func_info_cnt = UInt32(functions.count / 8)
              }
              if lines.count > 0 {
                attribute.line_info = unsafe address(lines.baseAddress)
                attribute.line_info_rec_size = 16
                attribute.line_info_cnt = UInt32(lines.count / 16)
              }
              if log.count > 0 {
                attribute.log_buf = unsafe address(UnsafeRawPointer(log.baseAddress))
                attribute.log_size = UInt32(log.count)
                attribute.log_level = 1
              }
              return Result { () throws(SystemCallError) in
                try call("BPF_PROG_LOAD", CInt(LINUX_BPF_PROG_LOAD), &attribute)
              }
            }
          }
        }
      }
    }
    switch result {
    case .success(let number): return FileDescriptor(adopting: CInt(number))
    case .failure(let error): throw LoadFailure(error: error, log: text(of: log))
    }
  }

  private static func withTexts<Value>(
    _ license: String, _ descriptors: [CInt], _ body: (UnsafePointer<CChar>, UnsafeRawBufferPointer) -> Value
  ) -> Value {
    unsafe license.withCString { license in
      unsafe descriptors.withUnsafeBytes { unsafe body(license, $0) }
    }
  }

  private static func text(of log: [UInt8]) -> String {
    String(decoding: log.prefix { $0 != 0 }, as: UTF8.self)
  }

  /// BPF_PROG_TEST_RUN: runs a program on a packet. Returns what the program returned.
  package static func testRun(
    _ program: borrowing FileDescriptor, packet: RawSpan
  ) throws(SystemCallError) -> UInt32 {
    let number = program.number
    let result = unsafe packet.withUnsafeBytes { packet in
      var attribute = linux_bpf_test_run()
      attribute.prog_fd = UInt32(number)
      attribute.data_in = unsafe address(packet.baseAddress)
      attribute.data_size_in = UInt32(packet.count)
      return Result { () throws(SystemCallError) -> UInt32 in
        _ = try call("BPF_PROG_TEST_RUN", CInt(LINUX_BPF_PROG_TEST_RUN), &attribute)
        return attribute.retval
      }
    }
    return try result.get()
  }

  static func read<Information: BitwiseCopyable>(
    _ information: inout Information, of object: borrowing FileDescriptor
  ) throws(SystemCallError) {
    try read(&information, of: object.number)
  }

  /// BPF_OBJ_GET_INFO_BY_FD
  static func read<Information: BitwiseCopyable>(
    _ information: inout Information, of number: CInt
  ) throws(SystemCallError) {
    let result = unsafe withUnsafeMutableBytes(of: &information) { buffer in
      var attribute = linux_bpf_object_info()
      attribute.bpf_fd = UInt32(number)
      attribute.info_len = UInt32(buffer.count)
      attribute.info = unsafe address(UnsafeRawPointer(buffer.baseAddress))
      return Result { () throws(SystemCallError) in
        try call("BPF_OBJ_GET_INFO_BY_FD", CInt(LINUX_BPF_OBJ_GET_INFO_BY_FD), &attribute)
      }
    }
    _ = try result.get()
  }
}
