package survey

type policy struct{}
type Policy struct{}

func (p *policy) looked(s *Survey, l Look) {}
func (p *policy) result() *Policy          { return nil }
func (s *Survey) experiment()              { s.phase = over }
