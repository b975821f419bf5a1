// The time of proofs and tokens is the server's, as far as the app knows it: the clock of a
// phone may be wrong by hours.
export const serverNow = () => new Date().getTime() + (self.fieldSkew ?? 0)
