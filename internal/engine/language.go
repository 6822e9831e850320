package engine

import (
	"slices"
	"strings"
	"unicode"
)

// foreign says whether a text is surely in a language other than English, by the little
// words that each language is full of. It knows languages in Latin script: words of other
// scripts are unknown to a collection in English by themselves. Of a text without little
// words, or of more than mostTold words, nothing is said.
func foreign(text string) bool {
	words := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && r != '-' })
	if len(words) > mostTold {
		return false
	}
	// "et al." is of lists of authors, and single letters are initials and signs.
	for i, w := range words {
		if w == "et" && i+1 < len(words) && words[i+1] == "al" {
			words[i], words[i+1] = "", ""
		}
	}
	little := littleEnglish()
	english, accented := 0, 0
	for _, w := range words {
		if slices.Contains(little, w) {
			english++
		}
		if strings.IndexFunc(w, func(r rune) bool { return r >= 0x80 }) >= 0 {
			accented++
		}
	}
	for _, l := range tongues() {
		sure, likely := 0, 0
		for i, w := range words {
			switch {
			case len(w) < 2 || slices.Contains(words[:i], w):
			case slices.Contains(l.sure, w):
				sure++
			case slices.Contains(l.likely, w):
				likely++
			}
		}
		// Letters with marks speak for a language only beside its little words.
		all := sure + likely
		enough := sure >= 1 && all+min(accented, 1) >= leastLittle || likely > leastLittle
		if enough && all*littleShare >= len(words) && all > english {
			return true
		}
	}
	return false
}

const (
	// leastLittle is how many little words tell a language, one of which is of no other
	// meaning in English or in its abbreviations; of others it takes more.
	leastLittle = 2
	// littleShare is how many words there are to each little one at most.
	littleShare = 5
	// mostTold is how many words a text has at most whose language is told.
	mostTold = 64
)

// tongue are the little words of a language: those that are sure, and those that are
// parts of names, abbreviations or words of English as well.
type tongue struct{ sure, likely []string }

func tongues() []tongue {
	list := strings.Fields
	return []tongue{
		{ // French
			list("pour une dans sur avec sont qui cette ces mais où très leur leurs sans vers chez nous notre"),
			list("le la les de des du un en et ou par au aux est que qu non plus comment"),
		},
		{ // German
			list("und für nicht eine einer eines einen einem zur zum über wie oder durch auf nach wird werden sich vom zwischen"),
			list("der die das den dem des von im am zu mit bei aus ist sind ein"),
		},
		{ // Spanish
			list("una para según pero sus más que como sobre entre mediante hacia desde"),
			list("el la los las de del en un se al lo su con por sin"),
		},
		{ // Italian
			list("il gli della delle dei degli nel nella nelle una uno dal dalla sul sulla"),
			list("la le lo di da del un per con non al che sono come"),
		},
		{ // Portuguese
			list("uma para não pela pelo que são como mediante entre sobre"),
			list("de da dos das os um em na nos por ao aos"),
		},
		{ // Dutch
			list("het een voor niet wordt worden naar bij uit zijn deze maar ook"),
			list("de en van met te op aan om dat hoe"),
		},
		{ // Swedish, Danish and Norwegian
			list("och att för är på inte från og ikke hvordan hur ett eller mellem mellan"),
			list("en et den det de som av med til fra sig der"),
		},
		{ // Polish and Czech
			list("się jest przez oraz dla nie jak przy jsou není při nebo pomocí"),
			list("na ve je se"),
		},
		{ // Turkish
			list("için bir ile olarak nasıl"),
			list("ve bu de da"),
		},
		{list("että kuinka sekä"), list("ja tai")},        // Finnish
		{list("és egy hogy"), list("az nem")},             // Hungarian
		{list("și pentru este"), list("cu din de în la")}, // Romanian
		{ // Indonesian and Malay
			list("yang untuk dengan dari pada adalah dalam"),
			list("dan ke"),
		},
	}
}

// littleEnglish are little words of English that are none of other languages.
func littleEnglish() []string {
	return strings.Fields("the of and for with by to are that from using based between what this we our it its not can without than a an in on as at is how where why when which do does")
}
