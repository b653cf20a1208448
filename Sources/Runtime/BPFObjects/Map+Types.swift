public import BPFLoader
public import BPFTypes
import LinuxCalls

extension Map {
  /// The types that the map was made with, from the kernel; `nil` for a map without. Takes CAP_SYS_ADMIN.
  public func types() throws(LoadError) -> BTF? {
    do {
      let number = try information().types
      guard number != 0 else { return nil }
      return try BTF(bytes: BPF.bytes(ofTypes: BPF.open(.types, id: number)))
    } catch let error as SystemCallError {
      throw LoadError(.query(name), error)
    } catch {
      // Types that the kernel has taken can be read; a value without types is still a value.
      return nil
    }
  }
}
