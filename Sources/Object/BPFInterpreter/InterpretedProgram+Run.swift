extension InterpretedProgram {
  /// As many instructions as the verifier follows.
  package static let usualStepLimit = 1_000_000

  /// Runs the program once. Registers and stack are all zeros in the beginning, but for r1, which has the context's address.
  /// - Parameters:
  ///   - packet: the program may read it only.
  ///   - start: the first instruction, for functions other than the program's own.
  ///   - stepLimit: how many instructions it may go through.
  /// - Returns: r0. For packets, the kernel looks at its lower 32 bits only.
  package func run<Helpers: HelperCalls>(
    on packet: RawSpan, context: PacketContext, from start: Int = 0, stepLimit: Int = usualStepLimit,
    memory: inout ProgramMemory, helpers: inout Helpers
  ) throws(InterpreterError) -> UInt64 {
    let result = unsafe packet.withUnsafeBytes { packet in
      unsafe memory.setPacket(packet, isWritable: false)
      return run(context: context, start: start, stepLimit: stepLimit, memory: &memory, helpers: &helpers)
    }
    return try result.get()
  }

  /// The same for programs that change the packet.
  package func run<Helpers: HelperCalls>(
    on packet: inout [UInt8], context: PacketContext, from start: Int = 0, stepLimit: Int = usualStepLimit,
    memory: inout ProgramMemory, helpers: inout Helpers
  ) throws(InterpreterError) -> UInt64 {
    let result = unsafe packet.withUnsafeMutableBytes { packet in
      unsafe memory.setPacket(UnsafeRawBufferPointer(packet), isWritable: true)
      return run(context: context, start: start, stepLimit: stepLimit, memory: &memory, helpers: &helpers)
    }
    return try result.get()
  }

  private func run<Helpers: HelperCalls>(
    context: PacketContext, start: Int, stepLimit: Int, memory: inout ProgramMemory, helpers: inout Helpers
  ) -> Result<UInt64, InterpreterError> {
    defer { memory.forgetPacket() }
    memory.context = context
    return Result { () throws(InterpreterError) in
      guard start >= 0, start < operations.count else { throw InterpreterError(instruction: start, cause: .noExit) }
      return try unsafe operations.withUnsafeBufferPointer { (operations) throws(InterpreterError) in
        unsafe try run(operations, from: start, stepLimit: stepLimit, memory: &memory, helpers: &helpers)
      }
    }
  }

  /// The loop. No jump of `operations` leaves them, so their bounds are not checked.
  private func run<Helpers: HelperCalls>(
    _ operations: UnsafeBufferPointer<Operation>, from start: Int, stepLimit: Int, memory: inout ProgramMemory,
    helpers: inout Helpers
  ) throws(InterpreterError) -> UInt64 {
    let registers = memory.registers
    registers.clear()
    registers[1] = ProgramMemory.contextAddress
    registers[10] = memory.enterFrame(0)
    let code = operations.baseAddress!
    let exit = operations.count - 1
    var (next, depth, remaining) = (start, 0, stepLimit)

    while remaining > 0 {
      remaining &-= 1
      let operation = unsafe code[next]
      next &+= 1
      let (destination, source) = (operation.destination, operation.source)
      let operand = operation.immediate &+ registers[source]
      let (signedOperand, shortOperand) = (Int64(bitPattern: operand), UInt32(truncatingIfNeeded: operand))
      let signedShortOperand = Int32(truncatingIfNeeded: operand)
      let target = Int(operation.target)
      // Where an access to memory goes; stores go by the destination's register.
      let (from, to) = (
        registers[source] &+ UInt64(bitPattern: Int64(target)),
        registers[destination] &+ UInt64(bitPattern: Int64(target))
      )

      switch operation.code {
      case .add: registers[destination] &+= operand
      case .subtract: registers[destination] &-= operand
      case .multiply: registers[destination] &*= operand
      case .divide: registers[destination] = registers[destination].quotient(operand)
      case .remainder: registers[destination] = registers[destination].remainder(operand)
      case .divideSigned: registers[signed: destination] = registers[signed: destination].quotient(signedOperand)
      case .remainderSigned: registers[signed: destination] = registers[signed: destination].remainder(signedOperand)
      case .or: registers[destination] |= operand
      case .and: registers[destination] &= operand
      case .xor: registers[destination] ^= operand
      case .shiftLeft: registers[destination] &<<= operand
      case .shiftRight: registers[destination] &>>= operand
      case .shiftRightSigned: registers[signed: destination] &>>= signedOperand
      case .negate: registers[destination] = 0 &- registers[destination]
      case .move: registers[destination] = operand
      case .moveWide:
        registers[destination] = operand
        next &+= 1
      case .extendSign:
        let distance = Int64(operation.variant)
        registers[signed: destination] = (signedOperand &<< distance) &>> distance

      case .add32: registers[low: destination] &+= shortOperand
      case .subtract32: registers[low: destination] &-= shortOperand
      case .multiply32: registers[low: destination] &*= shortOperand
      case .divide32: registers[low: destination] = registers[low: destination].quotient(shortOperand)
      case .remainder32: registers[low: destination] = registers[low: destination].remainder(shortOperand)
      case .divideSigned32:
        registers[signedLow: destination] = registers[signedLow: destination].quotient(signedShortOperand)
      case .remainderSigned32:
        registers[signedLow: destination] = registers[signedLow: destination].remainder(signedShortOperand)
      case .or32: registers[low: destination] |= shortOperand
      case .and32: registers[low: destination] &= shortOperand
      case .xor32: registers[low: destination] ^= shortOperand
      case .shiftLeft32: registers[low: destination] &<<= shortOperand
      case .shiftRight32: registers[low: destination] &>>= shortOperand
      case .shiftRightSigned32:
        registers[signedLow: destination] &>>= signedShortOperand
      case .negate32: registers[low: destination] = 0 &- registers[low: destination]
      case .move32: registers[low: destination] = shortOperand
      case .extendSign32:
        let distance = Int32(operation.variant)
        registers[signedLow: destination] = (signedShortOperand &<< distance) &>> distance

      case .swap16:
        registers[destination] = UInt64(UInt16(truncatingIfNeeded: registers[destination]).byteSwapped)
      case .swap32: registers[low: destination] = registers[low: destination].byteSwapped
      case .swap64: registers[destination] = registers[destination].byteSwapped

      case .jump: next = target
      case .ifEqual: if registers[destination] == operand { next = target }
      case .ifNotEqual: if registers[destination] != operand { next = target }
      case .ifAbove: if registers[destination] > operand { next = target }
      case .ifAtLeast: if registers[destination] >= operand { next = target }
      case .ifBelow: if registers[destination] < operand { next = target }
      case .ifAtMost: if registers[destination] <= operand { next = target }
      case .ifSet: if registers[destination] & operand != 0 { next = target }
      case .ifAboveSigned:
        if registers[signed: destination] > signedOperand { next = target }
      case .ifAtLeastSigned:
        if registers[signed: destination] >= signedOperand { next = target }
      case .ifBelowSigned:
        if registers[signed: destination] < signedOperand { next = target }
      case .ifAtMostSigned:
        if registers[signed: destination] <= signedOperand { next = target }

      case .ifEqual32:
        if registers[low: destination] == shortOperand { next = target }
      case .ifNotEqual32:
        if registers[low: destination] != shortOperand { next = target }
      case .ifAbove32:
        if registers[low: destination] > shortOperand { next = target }
      case .ifAtLeast32:
        if registers[low: destination] >= shortOperand { next = target }
      case .ifBelow32:
        if registers[low: destination] < shortOperand { next = target }
      case .ifAtMost32:
        if registers[low: destination] <= shortOperand { next = target }
      case .ifSet32:
        if registers[low: destination] & shortOperand != 0 { next = target }
      case .ifAboveSigned32:
        if registers[signedLow: destination] > signedShortOperand { next = target }
      case .ifAtLeastSigned32:
        if registers[signedLow: destination] >= signedShortOperand { next = target }
      case .ifBelowSigned32:
        if registers[signedLow: destination] < signedShortOperand { next = target }
      case .ifAtMostSigned32:
        if registers[signedLow: destination] <= signedShortOperand { next = target }

      case .load8: registers[destination] = try memory.load(UInt8.self, from, by: next)
      case .load16: registers[destination] = try memory.load(UInt16.self, from, by: next)
      case .load32: registers[destination] = try memory.load(UInt32.self, from, by: next)
      case .load64: registers[destination] = try memory.load(UInt64.self, from, by: next)
      case .loadSigned8:
        registers[signed: destination] = Int64(Int8(truncatingIfNeeded: try memory.load(UInt8.self, from, by: next)))
      case .loadSigned16:
        registers[signed: destination] = Int64(Int16(truncatingIfNeeded: try memory.load(UInt16.self, from, by: next)))
      case .loadSigned32:
        registers[signed: destination] = Int64(Int32(truncatingIfNeeded: try memory.load(UInt32.self, from, by: next)))
      case .store8: try memory.store(UInt8(truncatingIfNeeded: operand), to, by: next)
      case .store16: try memory.store(UInt16(truncatingIfNeeded: operand), to, by: next)
      case .store32: try memory.store(shortOperand, to, by: next)
      case .store64: try memory.store(operand, to, by: next)
      case .atomic32: try memory.exchange(UInt32.self, operation, operand, by: next)
      case .atomic64: try memory.exchange(UInt64.self, operation, operand, by: next)

      case .loadPacket8: if try !memory.loadPacket(UInt8.self, signedShortOperand, by: next) { next = exit }
      case .loadPacket16: if try !memory.loadPacket(UInt16.self, signedShortOperand, by: next) { next = exit }
      case .loadPacket32: if try !memory.loadPacket(UInt32.self, signedShortOperand, by: next) { next = exit }

      case .callHelper:
        let number = Int32(truncatingIfNeeded: operation.immediate)
        let arguments = HelperArguments(
          first: registers[1], second: registers[2], third: registers[3], fourth: registers[4], fifth: registers[5])
        do throws(HelperError) { registers[0] = try helpers.call(number, arguments, memory: &memory) } catch {
          throw InterpreterError(instruction: next &- 1, cause: .helper(number, error))
        }
      case .callFunction:
        guard depth &+ 1 < ProgramMemory.frameCount else {
          throw InterpreterError(instruction: next &- 1, cause: .callsTooDeep)
        }
        registers.save(next: next, depth: depth)
        depth &+= 1
        registers[10] = memory.enterFrame(depth)
        next = target
      case .exit:
        guard depth > 0 else { return registers[0] }
        depth &-= 1
        next = registers.restore(depth: depth)
        registers[10] = memory.frameEnd(depth)
      case .fault: throw faults[Int(truncatingIfNeeded: operation.immediate)]
      }
    }
    throw InterpreterError(instruction: next, cause: .tooLong(limit: stepLimit))
  }
}
