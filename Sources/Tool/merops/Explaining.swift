import BPFLinks
import BPFLoader
import CaptureSession
import LinuxCalls

/// Runs `body`, putting what the library throws into words for the person at the terminal.
func explaining<Value: ~Copyable>(_ body: () throws -> Value) throws(Failure) -> Value {
  do { return try body() } catch let failure as Failure {
    throw failure
  } catch let error as LoadError {
    throw Failure(report: error.report)
  } catch let error as FilterLoadError {
    throw Failure(report: error.report)
  } catch let error as AttachError {
    throw Failure(report: error.report)
  } catch let error as LinkError {
    throw Failure(report: error.report)
  } catch {
    throw Failure(report: "\(error)")
  }
}
