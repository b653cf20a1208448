// The objects of bpf/fixtures: the build makes a function for each, such as `watchObject()`.
