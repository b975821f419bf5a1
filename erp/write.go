package erp

// Actions are the bound actions of a set that Store.Do runs.
func (s *Set) Actions() []string {
	if s.Document {
		return []string{"ChangeState", "Complete", "MakeVoid"}
	}
	return nil
}
