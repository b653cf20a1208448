// Functions with marked places (USDT), for tests that listen there. They lie in whatever is linked with them.
#ifndef MEROPS_USDT_FIXTURE_H
#define MEROPS_USDT_FIXTURE_H

// Come by the probe merops:call, each at a place of its own, with three arguments: the number as a signed value of four
// bytes, `*memory` and a constant: 7 here, -9 there.
void usdt_fixture_call(int number, const long *memory);
void usdt_fixture_call_there(int number, const long *memory);

// Comes by merops:indexed, with one argument: numbers[index].
void usdt_fixture_indexed(const long *numbers, long index);

// Comes by merops:plain, which has no arguments.
void usdt_fixture_plain(void);

// Comes by merops:guarded, if anybody is listening. Returns whether.
int usdt_fixture_guarded(void);

#endif
