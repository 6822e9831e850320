package unify

import "strings"

// Spelling gives one spelling of English words that British and American write
// differently: the American one, by rule (-our, -ise, -yse) and by list. The word is in
// lower case, as Plain has it; one that has one spelling stays. Nothing here knows what
// a word means: where one spelling is two words, as tyre and tire, both stay.
func Spelling(w string) string {
	if len(w) < 4 || strings.IndexFunc(w, func(r rune) bool { return r < 'a' || r > 'z' }) >= 0 {
		return w
	}
	w = listed(w)
	if out, ok := withZ(w); ok {
		return out
	}
	return withoutU(w)
}

// listed writes the words that no rule has.
func listed(w string) string {
	letter := w[0] - 'a'
	for _, p := range listedByLetter.words[letter] {
		if w == p[0] {
			return p[1]
		}
	}
	for _, p := range listedByLetter.beginnings[letter] {
		if rest, ok := strings.CutPrefix(w, p[0]); ok {
			if rest == "d" { // centred, catalogued
				rest = "ed"
			}
			return p[1] + rest
		}
	}
	return w
}

// lists are the words that no rule has, and the beginnings of words, by their first letter.
type lists struct{ words, beginnings ['z' - 'a' + 1][][2]string }

var listedByLetter = listsByLetter() //nolint:gochecknoglobals // a constant table

func listsByLetter() (l lists) {
	for _, p := range listedWords() {
		l.words[p[0][0]-'a'] = append(l.words[p[0][0]-'a'], p)
	}
	for _, p := range listedBeginnings() {
		l.beginnings[p[0][0]-'a'] = append(l.beginnings[p[0][0]-'a'], p)
	}
	return l
}

// withZ writes -ise and -yse with a z.
func withZ(w string) (string, bool) {
	for _, end := range []string{"ational", "ations", "ation", "ers", "er", "ed", "es", "ing", "able", "e"} {
		stem, ok := strings.CutSuffix(w, end)
		if !ok || !strings.HasSuffix(stem, "s") {
			continue
		}
		bare := stem[:len(stem)-1]
		switch {
		case strings.HasSuffix(bare, "aly") || strings.HasSuffix(bare, "roly"):
			if end == "es" && strings.HasSuffix(bare, "analy") { // more than one analysis
				return w, false
			}
			return bare + "z" + end, true
		case strings.HasSuffix(bare, "i") && len(bare) >= 4 && !alwaysS(bare):
			return bare + "z" + end, true
		}
		return w, false
	}
	return w, false
}

// alwaysS says whether a word in -ise, without its -se, has its s in both spellings.
func alwaysS(bare string) bool {
	if strings.HasSuffix(bare, "tivi") { // collectivise
		return false
	}
	for _, end := range []string{
		"vi", "pri", "wi", "rai", "lai", "iai", "noi", "poi", "quoi", "toi", "rui", "gui",
		"erci", "reci", "onci", "inci", "exci", "umci", "promi", "premi", "demi", "hemi", "urmi",
		"adverti", "experti", "chasti", "treati", "morti", "practi", "anchi", "chandi", "aradi", "espi",
	} {
		if strings.HasSuffix(bare, end) {
			return true
		}
	}
	return false
}

// withoutU writes -our as -or.
func withoutU(w string) string {
	at := strings.Index(w, "our")
	if at < 0 {
		return w
	}
	for _, root := range []string{
		"behavi", "neighb", "fav", "col", "lab", "hon", "hum", "flav", "harb", "vap", "tum", "endeav", "od", "arm", "rum",
		"rig", "sav", "splend", "vig", "val", "cand", "clam", "parl", "ferv", "ranc",
	} {
		before, ok := strings.CutSuffix(w[:at], root)
		if !ok {
			continue
		}
		switch before {
		case "", "un", "dis", "mis", "multi", "bi", "tri", "mono", "de", "re", "out", "bio", "neuro", "anti", "en", "in":
			return w[:at] + "or" + w[at+len("our"):]
		}
	}
	return w
}

func listedWords() [][2]string {
	return [][2]string{
		{"programme", "program"},
		{"programmes", "programs"},
		{"fulfil", "fulfill"},
		{"fulfils", "fulfills"},
		{"fulfilment", "fulfillment"},
		{"enrol", "enroll"},
		{"enrols", "enrolls"},
		{"enrolment", "enrollment"},
		{"grey", "gray"},
		{"greys", "grays"},
		{"greyscale", "grayscale"},
		{"skilful", "skillful"},
		{"instalment", "installment"},
		{"instalments", "installments"},
		{"cancelled", "canceled"},
		{"cancelling", "canceling"},
		{"dialled", "dialed"},
		{"dialling", "dialing"},
		{"initialled", "initialed"},
		{"marshalled", "marshaled"},
		{"marshalling", "marshaling"},
		{"centring", "centering"},
		{"cataloguing", "cataloging"},
		{"manoeuvring", "maneuvering"},
		{"manoeuvrable", "maneuverable"},
		{"ageing", "aging"},
	}
}

func listedBeginnings() [][2]string {
	return append(listedEndings(), listedOthers()...)
}

// listedEndings are beginnings that differ in -re or in a doubled l.
func listedEndings() [][2]string {
	return [][2]string{
		{"centre", "center"},
		{"epicentre", "epicenter"},
		{"fibre", "fiber"},
		{"litre", "liter"},
		{"millilitre", "milliliter"},
		{"metre", "meter"},
		{"millimetre", "millimeter"},
		{"centimetre", "centimeter"},
		{"kilometre", "kilometer"},
		{"nanometre", "nanometer"},
		{"micrometre", "micrometer"},
		{"theatre", "theater"},
		{"calibre", "caliber"},
		{"lustre", "luster"},
		{"spectre", "specter"},
		{"manoeuvre", "maneuver"},
		{"modell", "model"},
		{"remodell", "remodel"},
		{"labell", "label"},
		{"unlabell", "unlabel"},
		{"mislabell", "mislabel"},
		{"relabell", "relabel"},
		{"signall", "signal"},
		{"travell", "travel"},
		{"channell", "channel"},
		{"tunnell", "tunnel"},
		{"levell", "level"},
		{"fuell", "fuel"},
		{"counsell", "counsel"},
	}
}

// listedOthers are beginnings that differ elsewhere.
func listedOthers() [][2]string {
	return [][2]string{
		{"anaesth", "anesth"},
		{"haem", "hem"},
		{"paediatr", "pediatr"},
		{"orthopaed", "orthoped"},
		{"oestr", "estr"},
		{"foet", "fet"},
		{"oedema", "edema"},
		{"oesoph", "esoph"},
		{"leukaem", "leukem"},
		{"anaem", "anem"},
		{"ischaem", "ischem"},
		{"hypoglycaem", "hypoglycem"},
		{"hyperglycaem", "hyperglycem"},
		{"glycaem", "glycem"},
		{"bacteraem", "bacterem"},
		{"gynaecol", "gynecol"},
		{"diarrhoea", "diarrhea"},
		{"aetiol", "etiol"},
		{"archaeol", "archeol"},
		{"palaeo", "paleo"},
		{"faec", "fec"},
		{"encyclopaed", "encycloped"},
		{"mediaeval", "medieval"},
		{"catalogue", "catalog"},
		{"dialogue", "dialog"},
		{"analogue", "analog"},
		{"homologue", "homolog"},
		{"prologue", "prolog"},
		{"defence", "defense"},
		{"offence", "offense"},
		{"licence", "license"},
		{"pretence", "pretense"},
		{"practis", "practic"},
		{"artefact", "artifact"},
		{"aluminium", "aluminum"},
		{"sulph", "sulf"},
		{"judgement", "judgment"},
		{"acknowledgement", "acknowledgment"},
		{"mould", "mold"},
		{"plough", "plow"},
		{"sceptic", "skeptic"},
		{"draught", "draft"},
		{"moustache", "mustache"},
	}
}
