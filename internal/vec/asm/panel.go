package main

import (
	. "github.com/mmcloughlin/avo/build" //nolint:revive // avo's own manner
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

const (
	// panelWidth is how many vectors a panel has, and panelRows how many rows are
	// multiplied with it at a time: as many as there are registers for their sums.
	panelWidth = 16
	panelRows  = 6
)

// panelAVX2 multiplies rows with a panel of interleaved vectors, each sum in a lane of its
// own: no sums are added up at the end, and each number of a row is read once for 16
// products.
func panelAVX2() {
	TEXT("dotPanelAVX2", NOSPLIT, "func(dst, rows, panel *float32, n, dim int)")
	Pragma("noescape")
	Doc("dotPanelAVX2 needs AVX2 and FMA.")
	dst, rows, panel := Load(Param("dst"), GP64()), Load(Param("rows"), GP64()), Load(Param("panel"), GP64())
	n, dim := Load(Param("n"), GP64()), Load(Param("dim"), GP64())
	bytes, low, high, at, left := GP64(), GP64(), GP64(), GP64(), GP64()
	MOVQ(dim, bytes)
	SHLQ(Imm(2), bytes)
	acc := make([]reg.VecVirtual, 2*panelRows)
	for i := range acc {
		acc[i] = YMM()
	}
	p0, p1, x := YMM(), YMM(), YMM()
	block := func(name string, count int) {
		for _, a := range acc[:2*count] {
			VXORPS(a, a, a)
		}
		MOVQ(rows, low)
		LEAQ(Mem{Base: bytes, Index: bytes, Scale: 2}, high)
		ADDQ(rows, high)
		MOVQ(panel, at)
		MOVQ(dim, left)
		Label(name)
		VMOVUPS(Mem{Base: at}, p0)
		VMOVUPS(Mem{Base: at, Disp: 32}, p1)
		for i := range count {
			m := Mem{Base: low}
			if i >= 3 {
				m.Base = high
			}
			if i%3 > 0 {
				m.Index, m.Scale = bytes, uint8(i%3)
			}
			VBROADCASTSS(m, x)
			VFMADD231PS(p0, x, acc[2*i])
			VFMADD231PS(p1, x, acc[2*i+1])
		}
		ADDQ(Imm(4), low)
		ADDQ(Imm(4), high)
		ADDQ(Imm(4*panelWidth), at)
		DECQ(left)
		JNZ(LabelRef(name))
		for i, a := range acc[:2*count] {
			VMOVUPS(a, Mem{Base: dst, Disp: 32 * i})
		}
		ADDQ(U32(4*panelWidth*count), dst)
	}
	Label("many")
	CMPQ(n, Imm(panelRows))
	JL(LabelRef("few"))
	block("many_numbers", panelRows)
	LEAQ(Mem{Base: high, Index: bytes, Scale: 2}, rows) // high has gone on by one row
	SUBQ(Imm(panelRows), n)
	JMP(LabelRef("many"))
	Label("few")
	TESTQ(n, n)
	JZ(LabelRef("end"))
	block("one_numbers", 1)
	ADDQ(bytes, rows)
	DECQ(n)
	JMP(LabelRef("few"))
	Label("end")
	VZEROUPPER()
	RET()
}

// sparseAVX2 adds what a few numbers of each row give with a panel, whose rows are found
// by a table.
func sparseAVX2() {
	TEXT("addSparseAVX2", NOSPLIT, "func(dst *float32, ends, columns *uint32, values *float32, places *uint32, panel *float32, n int)")
	Pragma("noescape")
	Doc("addSparseAVX2 needs AVX2 and FMA.")
	dst, ends, columns := Load(Param("dst"), GP64()), Load(Param("ends"), GP64()), Load(Param("columns"), GP64())
	values, places := Load(Param("values"), GP64()), Load(Param("places"), GP64())
	panel, n := Load(Param("panel"), GP64()), Load(Param("n"), GP64())
	k, end, place := GP64(), GP64(), GP64()
	a0, a1, x := YMM(), YMM(), YMM()
	XORQ(k, k)
	Label("row")
	TESTQ(n, n)
	JZ(LabelRef("end"))
	MOVL(Mem{Base: ends}, end.As32())
	CMPQ(k, end)
	JGE(LabelRef("next"))
	VMOVUPS(Mem{Base: dst}, a0)
	VMOVUPS(Mem{Base: dst, Disp: 32}, a1)
	Label("number")
	MOVL(Mem{Base: columns, Index: k, Scale: 4}, place.As32())
	MOVL(Mem{Base: places, Index: place, Scale: 4}, place.As32())
	SHLQ(Imm(6), place) // 4 * panelWidth
	VBROADCASTSS(Mem{Base: values, Index: k, Scale: 4}, x)
	VFMADD231PS(Mem{Base: panel, Index: place, Scale: 1}, x, a0)
	VFMADD231PS(Mem{Base: panel, Index: place, Scale: 1, Disp: 32}, x, a1)
	INCQ(k)
	CMPQ(k, end)
	JL(LabelRef("number"))
	VMOVUPS(a0, Mem{Base: dst})
	VMOVUPS(a1, Mem{Base: dst, Disp: 32})
	Label("next")
	ADDQ(Imm(4), ends)
	ADDQ(Imm(4*panelWidth), dst)
	DECQ(n)
	JMP(LabelRef("row"))
	Label("end")
	VZEROUPPER()
	RET()
}
