public import ArgumentParser
import BPFObjectFile
import BPFRelocation
import BPFTypes
import FoundationEssentials
public import ObjectListing

/// `merops inspect`
struct Inspect: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Shows what a BPF object file holds, and what loading it would ask of a kernel.",
    discussion: """
      Nothing is loaded, and no privilege is needed. With --relocated the object is completed for a kernel: the running \
      one, or one that files describe. With --btf-c, OBJECT can also be a file of types, like /sys/kernel/btf/vmlinux.
      """)

  @Argument(help: "The object file.")
  var object: String
  @Flag(help: "Show the plan for a kernel instead of the object as it is.")
  var relocated = false
  @Flag(help: "One JSON document.")
  var json = false
  @Flag(name: .customLong("btf-c"), help: "The object's types as a C header.")
  var btfC = false
  @Option(help: "Only this part; can be given several times. (values: \(Self.partNames))")
  var show: [ObjectListing.Part] = []
  @Option(help: "Only this function's code; can be given several times.")
  var function: [String] = []
  @OptionGroup(title: "The kernel")
  var target: KernelOptions
  @OptionGroup(title: "Changes to the object")
  var changes: ObjectChanges

  private static var partNames: String { ObjectListing.Part.allCases.map(\.rawValue).joined(separator: ", ") }

  func validate() throws {
    if btfC, relocated || json || !show.isEmpty || !function.isEmpty {
      throw ValidationError("--btf-c prints types only; leave out --relocated, --json, --show and --function.")
    }
    if json, !show.isEmpty || !function.isEmpty {
      throw ValidationError("--json is the whole document; leave out --show and --function.")
    }
  }

  func run() throws {
    if relocated && json { return print(try document().json) }
    if btfC { return print(try header(), terminator: "") }
    let spec: ObjectSpec
    do { spec = try self.spec() } catch let error as ObjectFileError { throw Failure(report: "\(object): \(error)") }
    for warning in spec.warnings { StandardError.write("merops: \(object): \(warning)") }
    try check(functions: spec)
    let parts = show.isEmpty ? (function.isEmpty ? Set(ObjectListing.Part.allCases) : [.code]) : Set(show)
    if relocated {
      let plan: LoadPlan
      do { plan = try LoadPlan(spec, kernel: try target.kernel(for: spec)) } catch let error as PlanError {
        throw Failure(report: "\(object): \(error)")
      }
      for warning in plan.warnings { StandardError.write("merops: \(object): \(warning)") }
      print(PlanListing(plan, of: spec).text(parts, only: Set(function)), terminator: "")
    } else {
      let listing = ObjectListing(spec, file: name)
      print(json ? oneLine(listing) : listing.text(parts, only: Set(function)), terminator: json ? "\n" : "")
    }
  }

  private var name: String { object.split(separator: "/").last.map(String.init) ?? object }

  /// The object with the changes.
  private func spec() throws -> ObjectSpec {
    var spec = try ObjectSpec(name: name, bytes: KernelOptions.contents(of: object))
    try changes.apply(to: &spec)
    return spec
  }

  private func check(functions spec: ObjectSpec) throws(ValidationError) {
    let known = spec.programs.map(\.name) + spec.subprograms.map(\.name)
    for name in function where !known.contains(name) {
      throw ValidationError("--function \(name): the object has \(known.joined(separator: ", ")).")
    }
  }

  /// The types of an object, or of a file that holds nothing else.
  private func header() throws -> String {
    let bytes = try KernelOptions.contents(of: object)
    let btf: BTF?
    if bytes.starts(with: [0x9f, 0xeb]) {
      do { btf = try BTF(bytes: bytes) } catch { throw Failure(report: "\(object) \(error)") }
    } else {
      do { btf = try ObjectSpec(name: name, bytes: bytes).btf } catch { throw Failure(report: "\(object): \(error)") }
    }
    guard let btf else { throw Failure(report: "\(object) has no BTF: compile it with -g") }
    do { return try CHeader.text(of: btf) } catch { throw Failure(report: "\(object): its BTF \(error)") }
  }

  func document() throws -> PlanDocument {
    let spec: ObjectSpec
    do { spec = try self.spec() } catch let error as ObjectFileError {
      return PlanDocument(failed: "open", "\(error)")
    }
    let kernel = try target.kernel(for: spec)
    do { return PlanDocument(try LoadPlan(spec, kernel: kernel), of: spec) } catch {
      return PlanDocument(failed: "load", "\(error)")
    }
  }
}

extension ObjectListing.Part: ExpressibleByArgument {}
