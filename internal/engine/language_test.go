package engine

import (
	"strings"
	"testing"
)

// Languages are told by their little words, and what is English, a name or an
// abbreviation is none of them.
func TestForeign(t *testing.T) {
	for _, text := range []string{
		"apprentissage profond pour la vision", "Réseaux de neurones pour la traduction", "détection d'objets dans les images",
		"maschinelles Lernen für die Bilderkennung", "Wie lernt ein Roboter zu greifen", "Verfahren zur Erkennung von Gesichtern",
		"aprendizaje profundo para la visión", "redes neuronales para el diagnóstico", "reti neurali per il riconoscimento del parlato",
		"redes neurais para tradução de textos", "diepe netwerken voor het herkennen van beelden", "djupa nätverk för att känna igen bilder",
		"sieci neuronowe dla tekstu i mowy się", "robotlar için bir planlama", "syvät verkot ja kuinka ne oppivat", "hogy egy robot tanul",
		"rețele neuronale pentru imagini din spațiu", "jaringan saraf untuk gambar yang besar", "der die das und oder",
	} {
		if !foreign(text) {
			t.Errorf("%q is taken for English", text)
		}
	}
	for _, text := range []string{
		"", "attention is all you need", "Fernando de la Torre face alignment", "Mihaela van der Schaar", "a die on a wafer", "EM and IST on a LOS link",
		"Poincaré embeddings", "Schrödinger bridges for Bayesian inference", "learning to pour", "D3D: 3D networks", "Nicolas Le Roux et al",
		"Q K V W matrices", "D. L. Donoho's compressed sensing", "de la Torre et al. face alignment", "Di He, Guolin Ke, Dan Alistarh",
		"Zhang Di, Che Hui", "how come non linear models win", strings.Repeat("une pour dans avec ", 20),
		"in the", "word2vec", "des in cryptanalysis", "per-pixel depth", "Optimal transport à la carte", "深度学习", "is it on or off",
	} {
		if foreign(text) {
			t.Errorf("%q is taken for another language", text)
		}
	}
}
