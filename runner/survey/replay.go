package survey

// Did says what was done where that may not be what Next asked for: a record that was
// made by other rules is read by those of now. Its answer is handed in as ever. It
// reports whether it was the same; from the first difference on the survey takes what
// comes, and its own plans for the next steps are dropped.
func (s *Survey) Did(a Action) (same bool) {
	if s.Next() == a {
		return true
	}
	s.pending, s.queue, s.stop = a, nil, ""
	switch {
	case a.Kind == Ingest:
		s.phase = galloping
	case s.phase != galloping:
		s.phase = searching
	}
	return false
}
