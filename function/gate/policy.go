package gate

import "time"

// What may run is decided in this room alone, from the plan, the approval that
// came with the request, the settings and the time:
//
//   - Approved: the plan is the one that the digest names.
//   - Signed: where the settings ask for signatures, enough of the keys that
//     they list have signed this digest, until when, and what was accepted.
//   - Judged: each finding of severity error was accepted by its ID, and has no
//     code that nobody may accept. Warnings are shown and never block.
//
// A plan that has begun was let in by all three when it began. Its settings
// are part of its digest, so they are still the same. What would stop it half
// way through leaves a database that nobody planned, so of a plan that has begun
// two things are not asked again: whether its approval has expired since (it was
// approved in time, and an apply may take many invocations), and what is found
// now (a finding may be gone with the statement that it spoke of, or be of
// another severity because half the work is done). That it was signed is asked
// each time.

// LongestApproval is how far ahead an approval may expire. Who approves has
// read what the plan does to the database as it was then: sizes, traffic and
// data, which no digest covers, are other ones after a week. It is also how
// long a key that was stolen, and struck off the list since, could have signed
// ahead for.
const LongestApproval = 7 * 24 * time.Hour
