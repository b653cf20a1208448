import BPFObjectFile
import BPFTypes

/// Finds the text of source lines in an object's BTF.
struct SourceLocator {
  let btf: BTF?

  /// The line as the verifier's log shows it: `; if (skb->len > 0) @ filter.bpf.c:12`
  func comment(_ line: SourceLine) -> String {
    let text = string(line.text).drop { $0 == " " || $0 == "\t" }
    let file = string(line.fileName).split(separator: "/").last.map(String.init) ?? ""
    return "; \(text) @ \(file):\(line.number)"
  }

  private func string(_ offset: UInt32) -> String { (try? btf?.string(at: offset)) ?? "" }
}
