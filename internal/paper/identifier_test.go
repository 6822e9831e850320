package paper

import (
	"errors"
	"testing"
)

func TestParseArxivID(t *testing.T) {
	for text, want := range map[string]string{
		"2112.09118": "2112.09118", " arXiv:2112.09118v3 ": "2112.09118v3", "ARXIV: 2112.09118": "2112.09118", "0704.0001": "0704.0001",
		"https://arxiv.org/abs/2112.09118v2": "2112.09118v2", "http://www.arxiv.org/pdf/2112.09118.pdf": "2112.09118", "arxiv.org/abs/2112.09118": "2112.09118",
		"https://export.arxiv.org/abs/hep-th/9901001": "hep-th/9901001", "https://arxiv.org/pdf/2112.09118v1.pdf#page=3": "2112.09118v1", "https://arxiv.org/html/2112.09118?x=1": "2112.09118",
		"https://doi.org/10.48550/arXiv.2112.09118": "2112.09118", "10.48550/ARXIV.2112.09118": "2112.09118", "https://huggingface.co/papers/2112.09118": "2112.09118",
		"https://ar5iv.labs.arxiv.org/html/2112.09118": "2112.09118", "https://ar5iv.org/abs/2112.09118": "2112.09118", "https://www.alphaxiv.org/abs/2112.09118": "2112.09118",
		"oai:arXiv.org:2112.09118": "2112.09118", "oai:arXiv.org:math/0309136": "math/0309136", "arXiv:2112.09118 [cs.CL]": "2112.09118", "abs/2112.09118": "2112.09118",
		"HEP-TH/9901001": "hep-th/9901001", "math.gt/0309136v1": "math.GT/0309136v1", "cond-mat.mes-hall/0309136": "", "<arXiv:2112.09118>": "2112.09118",
		"": "", "2113.09118": "", "2112.091": "", "1234/5678": "", "10.1000/2112.09118": "", "https://papers.example/abs/2112.09118": "", "x2112.09118": "", "12345.6789": "",
	} {
		id, version, ok := ParseArxivID(text)
		if id+version != want || ok != (want != "") {
			t.Errorf("%q: got %q, %q, %t; want %q", text, id, version, ok, want)
		}
	}
}

func TestFindArxivID(t *testing.T) {
	for text, want := range map[string]string{
		"arXiv preprint arXiv:2112.09118": "2112.09118", "CoRR abs/2112.09118": "2112.09118", "ArXiv abs/2112.09118 (2021)": "2112.09118",
		"arXiv:2112.09118v2 [cs.CL], 12 pages": "2112.09118", "see https://arxiv.org/abs/2112.09118, too": "2112.09118", "arXiv: hep-th/9901001": "hep-th/9901001",
		"arXiv e-prints 2112.09118": "", "2112.09118": "", "room 2112.0911": "", "pages 12": "", "doi 10.48550/arXiv.2112.09118.": "2112.09118", "arXiv 2112.09118": "2112.09118",
	} {
		if id, ok := FindArxivID(text); id != want || ok != (want != "") {
			t.Errorf("%q: got %q, want %q", text, id, want)
		}
	}
}

func TestParseDOI(t *testing.T) {
	const sici = "10.1002/(SICI)1097-0258(19980815)17:15<1661::AID-SIM968>3.0.CO;2-2"
	for text, want := range map[string]string{
		"10.1000/ABC": "10.1000/ABC", "doi:10.1000/abc": "10.1000/abc", "DOI: 10.1000/abc": "10.1000/abc", "https://doi.org/10.1000/abc": "10.1000/abc",
		"http://dx.doi.org/10.1000/abc": "10.1000/abc", "dx.doi.org/10.1000/abc": "10.1000/abc", "https://www.doi.org/10.1000/abc": "10.1000/abc", "https://doi.org/10.1000%2Fabc": "10.1000/abc", "10.1000%2Fabc": "10.1000/abc",
		"https://doi-org.proxy.example/10.1000/abc": "10.1000/abc", "https://proxy.example/login?url=https://doi.org/10.1000/abc": "10.1000/abc", "https://doi.org/doi:10.1000/abc": "10.1000/abc",
		`10.1000/ab\_c`: "10.1000/ab_c", `10.1000/a{\_}b`: "10.1000/a_b", "10.1000/abc.": "10.1000/abc", "10.1000/abc, 10.1000/def": "10.1000/abc", "(10.1000/abc)": "",
		sici: sici, "https://doi.org/10.1002/(SICI)1097-0258(19980815)17:15%3C1661::AID-SIM968%3E3.0.CO;2-2": sici,
		"10.1002/(SICI)1097-0258(19980815)17:15&lt;1661::AID-SIM968&gt;3.0.CO;2-2":                  sici,
		`10.1002/(SICI)1097-0258(19980815)17:15{\textless}1661::AID-SIM968{\textgreater}3.0.CO;2-2`: sici,
		"10.1016/S0140-6736(05)66912-7": "10.1016/S0140-6736(05)66912-7", "10.1000/abc)": "10.1000/abc", "https://doi.org/10.1000/abc?utm=1": "10.1000/abc", "info:doi/10.1000/abc": "10.1000/abc", "urn:doi:10.1000/abc": "10.1000/abc",
		"": "", "n/a": "", "10.1000": "", "abc/10.1000": "", "https://papers.example/10.1000/abc": "", "hdl:10.1000/x": "",
	} {
		doi, ok := ParseDOI(text)
		if ok != (want != "") || ok && doi != want {
			t.Errorf("%q: got %q, %t; want %q", text, doi, ok, want)
		}
		if again, _ := ParseDOI(doi); ok && again != doi {
			t.Errorf("%q: got %q and then %q", text, doi, again)
		}
	}
}

func TestParseORCID(t *testing.T) {
	for text, want := range map[string]string{
		"0000-0002-1825-0097": "0000-0002-1825-0097", "https://orcid.org/0000-0002-1825-0097": "0000-0002-1825-0097", "http://orcid.org/0000-0002-1825-0097/": "0000-0002-1825-0097",
		"0000000218250097": "0000-0002-1825-0097", "0000-0002-1694-233x": "0000-0002-1694-233X", "orcid:0000-0002-1825-0097": "0000-0002-1825-0097",
		"0000-0002-1825-0098": "", "": "", "0000-0002-1825-009": "", "0000-0002-1825-009A": "", "000X-0002-1825-0097": "",
	} {
		if orcid, ok := ParseORCID(text); orcid != want || ok != (want != "") {
			t.Errorf("%q: got %q, %t; want %q", text, orcid, ok, want)
		}
	}
}

func TestKeys(t *testing.T) {
	if DOIKey("https://doi.org/10.1/AB") != "10.1/ab" || DOIKey("x") != "" || ArxivKey("math.GT/0309136v1") != "math/0309136" || ArxivKey("x") != "" || ArxivKey("2112.09118v2") != "2112.09118" {
		t.Error("keys differ")
	}
	p := Paper{DOI: "doi:10.1/A", ArxivID: "arXiv:2112.09118v2", Authors: []Author{{ORCID: "0000000218250097"}, {ORCID: "0000-0002-1825-0098"}, {}}}
	err := p.Normalize()
	var e *Error
	if !errors.As(err, &e) || len(e.Violations) != 1 || e.Violations[0].Field != "authors[1].orcid" {
		t.Errorf("got %v", err)
	}
	if p.DOI != "10.1/A" || p.ArxivID != "2112.09118" || p.Authors[0].ORCID != "0000-0002-1825-0097" {
		t.Errorf("got %+v", p)
	}
}

// FuzzIdentifiers: what is an identifier stays one, in the same form.
func FuzzIdentifiers(f *testing.F) {
	f.Add("https://doi.org/10.48550/arXiv.2112.09118")
	f.Add("10.1000/a%25b\\_&amp;.")
	f.Fuzz(func(t *testing.T, text string) {
		if id, _, ok := ParseArxivID(text); ok {
			if again, _, _ := ParseArxivID(id); again != id {
				t.Errorf("%q: %q and then %q", text, id, again)
			}
		}
		if orcid, ok := ParseORCID(text); ok {
			if again, _ := ParseORCID(orcid); again != orcid {
				t.Errorf("%q: %q and then %q", text, orcid, again)
			}
		}
		if doi, ok := ParseDOI(text); ok {
			if again, fine := ParseDOI(doi); !fine {
				t.Errorf("%q: %q and then %q", text, doi, again)
			}
		}
	})
}
