package unify

import (
	"strings"
	"testing"
)

func TestSpelling(t *testing.T) {
	for _, pair := range strings.Fields(`
		behaviour=behavior behavioural=behavioral colour=color coloured=colored favourite=favorite neighbourhood=neighborhood tumours=tumors odour=odor
		labour=labor honourable=honorable multicolour=multicolor armour=armor
		optimise=optimize optimised=optimized optimisation=optimization optimisations=optimizations optimiser=optimizer optimisers=optimizers organisational=organizational
		generalise=generalize quantised=quantized randomised=randomized customised=customized summarisation=summarization tokenisers=tokenizers
		synthesised=synthesized emphasise=emphasize characterise=characterize collectivise=collectivize regularisation=regularization penalised=penalized
		analyse=analyze analysed=analyzed analysing=analyzing paralysed=paralyzed catalyse=catalyze hydrolysed=hydrolyzed
		centre=center centres=centers centred=centered centring=centering fibre=fiber metres=meters theatre=theater manoeuvres=maneuvers manoeuvred=maneuvered
		modelling=modeling modelled=modeled labelled=labeled unlabelled=unlabeled signalling=signaling travelling=traveling cancelled=canceled
		anaesthesia=anesthesia haemoglobin=hemoglobin paediatric=pediatric oestrogen=estrogen leukaemia=leukemia oedema=edema
		catalogue=catalog catalogued=cataloged dialogues=dialogs defence=defense licence=license practise=practice grey=gray programme=program artefacts=artifacts
		aluminium=aluminum sulphur=sulfur ageing=aging fulfil=fulfill`) {
		british, american, _ := strings.Cut(pair, "=")
		if got := Spelling(british); got != american {
			t.Errorf("%s is %s, want %s", british, got, american)
		}
		if got := Spelling(american); got != american {
			t.Errorf("%s is %s, and should stay", american, got)
		}
	}
	for _, same := range strings.Fields(`
		four hour our your pour tour source course resource journal hours contour detour devour sour flour court journey nourish glamour
		rise wise noise noisy denoised promise compromised premise precise concise exercise exercised expertise advertise otherwise clockwise pairwise raise raised praise appraiser
		surprise surprising enterprise comprise comprises franchise merchandise paradise revise revised supervised supervision unsupervised advise advisers device devised improvise television treatise practical
		disguise bruise cruise poised turquoise demise analysis analyses basis bases crisis crises thesis theses hypothesis synthesis disease diseases missing dismissed visible poisson raises
		programmed programming totally equally initially parallel parallelled fulfilling model label level metric meter literature spectrum fetch hemisphere
		size sized prize seized horizon laser user used phase phases increase release this iris axis arises
		x "" C++ 123 naïve`) {
		if got := Spelling(same); got != same {
			t.Errorf("%s became %s", same, got)
		}
	}
}
