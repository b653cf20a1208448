import ELFReading
import Testing

@Suite struct USDTArgumentTests {
  private static let known: [(String, USDTMachine, USDTArgument)] = [
    ("-4@%eax", .x86, argument(-4, .register(80))),
    ("8@%r8", .x86, argument(8, .register(72))),
    ("1@%r15b", .x86, argument(1, .register(0))),
    ("-2@%si", .x86, argument(-2, .register(104))),
    ("1@%spl", .x86, argument(1, .register(152))),
    ("8@-8(%rbp)", .x86, argument(8, .memory(base: 32, offset: -8))),
    ("8@(%rsp)", .x86, argument(8, .memory(base: 152, offset: 0))),
    ("-4@0x10(%r12)", .x86, argument(-4, .memory(base: 24, offset: 16))),
    ("8@(%rax,%rbx,8)", .x86, argument(8, .indexed(base: 80, index: 40, shift: 3, offset: 0))),
    ("4@-24(%rdi,%r9)", .x86, argument(4, .indexed(base: 112, index: 64, shift: 0, offset: -24))),
    ("4@$5", .x86, argument(4, .constant(5))),
    ("-4@$-9", .x86, argument(-4, .constant(-9))),
    ("8@$18446744073709551615", .x86, argument(8, .constant(-1))),
    ("4@[sp, 12]", .arm64, argument(4, .memory(base: 248, offset: 12))),
    ("-8@[x29, -16]", .arm64, argument(-8, .memory(base: 232, offset: -16))),
    ("8@[x0]", .arm64, argument(8, .memory(base: 0, offset: 0))),
    ("4@w3", .arm64, argument(4, .register(24))),
    ("-8@x30", .arm64, argument(-8, .register(240))),
    ("8@sp", .arm64, argument(8, .register(248))),
    ("4@5", .arm64, argument(4, .constant(5))),
    ("-4@#-7", .arm64, argument(-4, .constant(-7))),
  ]

  private static func argument(_ size: Int, _ location: USDTArgument.Location) -> USDTArgument {
    USDTArgument(byteCount: abs(size), isSigned: size < 0, location: location)
  }

  @Test(arguments: known) func readsAnArgument(text: String, machine: USDTMachine, expected: USDTArgument) throws {
    #expect(try USDTArgument.arguments(text, machine: machine) == [expected])
  }

  @Test func readsArgumentsWithBlanksInThem() throws {
    let arguments = try USDTArgument.arguments("4@[sp, 12] -8@x1  8@[x2, 8]", machine: .arm64)
    #expect(arguments.map(\.location) == [.memory(base: 248, offset: 12), .register(8), .memory(base: 16, offset: 8)])
    #expect(try USDTArgument.arguments("", machine: .x86).isEmpty)
  }

  @Test(
    arguments: [
      ("4@symbol(%rip)", USDTMachine.x86), ("4@16(%rip)", .x86), ("4@symbol(%rax)", .x86),
      ("4@symbol", .x86),
      ("4f@%xmm0", .x86), ("8@%xmm0", .x86), ("1@%ah", .x86), ("3@%eax", .x86), ("%eax", .x86),
      ("4@", .x86), ("4@$", .x86), ("4@$x", .x86), ("4@$--5", .x86), ("8@(%rax,%rbx,3)", .x86),
      ("8@(,%rbx,8)", .x86), ("8@(%rax,%rbx,8,1)", .x86), ("8@8+4(%rax)", .x86), ("8@(%eax)", .x86),
      ("99999999999999999999@%eax", .x86), ("8@$99999999999999999999", .x86), ("8@()", .x86),
      ("8@[x0, x1]", .arm64), ("8@[x0], 8", .arm64), ("8@[]", .arm64), ("8@x31", .arm64), ("8@x00", .arm64),
      ("8@xzr", .arm64), ("8@[w0]", .arm64), ("8@[x0, 8, 8]", .arm64), ("8@d0", .arm64), ("8@[x0", .arm64),
    ])
  func namesAnArgumentThatCannotBeRead(text: String, machine: USDTMachine) throws {
    let error = try #require(throws: USDTArgumentError.self) { try USDTArgument.arguments(text, machine: machine) }
    #expect(text.hasPrefix(error.argument))
    #expect(!error.reason.isEmpty)
  }
}
