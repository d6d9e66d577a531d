package update

// End is the beginning of Close: the updater is being stopped.
func (u *Updater) End() { u.end() }
