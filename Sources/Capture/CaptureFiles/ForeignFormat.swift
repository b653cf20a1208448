/// Formats that somebody may take for a capture file that we read, by their first four bytes.
enum ForeignFormat {
  /// - Parameter magic: the first byte highest.
  static func name(magic: UInt32) -> String? {
    switch magic {
    case 0x1f8b_0000...0x1f8b_ffff: "gzip, to be unpacked first (gzip -dc FILE)"
    case 0x28b5_2ffd: "Zstandard, to be unpacked first (zstd -dc FILE)"
    case 0x0422_4d18: "LZ4, to be unpacked first (lz4 -dc FILE)"
    case 0xfd37_7a58: "xz, to be unpacked first (xz -dc FILE)"
    case 0x425a_6830...0x425a_6839: "bzip2, to be unpacked first (bzip2 -dc FILE)"
    case 0x736e_6f6f: "snoop's format (RFC 1761)"
    case 0x5254_5353, 0x474d_4255: "Microsoft Network Monitor's format"
    case 0xa12b_3c4d, 0x4d3c_2ba1: "Navtel's variant of pcap"
    case 0x1c00_01ac, 0xac01_001c, 0x1c00_01ab, 0xab01_001c: "IXIA's variant of pcap"
    default: nil
    }
  }
}
