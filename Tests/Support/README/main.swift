import Merops

// Watches port 443 on eth0 with a program of one's own: prints the source port of each packet to it.
var spec = try ObjectSpec(contentsOf: "watch.bpf.o")
try spec.set("port", to: UInt16(443))
let object = try LoadedObject(loading: LoadPlan(spec, kernel: .running(for: spec)))
guard let program = object.program("watch"), let events = object.map("events") else {
  fatalError("watch.bpf.o is another object")
}
let link = try program.attachXDP(to: "eth0")
print("attached: \(link.rung)")
var ring = try RingBuffer(events)
while try ring.wait() {
  ring.drain { record in
    print(record.unsafeLoad(as: UInt16.self))
  }
}
