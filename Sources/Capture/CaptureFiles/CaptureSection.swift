/// What a section of a pcapng file says of its making: options of the section header block.
package struct CaptureSection: Hashable, Sendable {
  /// `shb_hardware`: what the capture was made on.
  package var hardware: String?
  /// `shb_os`.
  package var operatingSystem: String?
  /// `shb_userappl`: the program that wrote the section, with its version.
  package var application: String?
  /// `opt_comment`, each one.
  package var comments: [String] = []

  package init(
    application: String? = nil, operatingSystem: String? = nil, hardware: String? = nil, comments: [String] = []
  ) {
    self.application = application
    self.operatingSystem = operatingSystem
    self.hardware = hardware
    self.comments = comments
  }
}
