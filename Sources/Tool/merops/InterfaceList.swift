enum InterfaceList { static func print() throws(Failure) {} }
