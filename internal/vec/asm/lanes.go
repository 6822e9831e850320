package main

import (
	. "github.com/mmcloughlin/avo/build" //nolint:revive // avo's own manner
	. "github.com/mmcloughlin/avo/operand"
)

// lanesBytes is the size of a row of lanes: eight float64.
const lanesBytes = 64

// addLanesAVX2 adds a row of lanes, times a factor each, to some rows.
func addLanesAVX2() {
	TEXT("addLanesAVX2", NOSPLIT, "func(dst *float64, ids *uint32, factors, row *float64, n int)")
	Pragma("noescape")
	Doc("addLanesAVX2 needs AVX2 and FMA.")
	dst, ids, factors := Load(Param("dst"), GP64()), Load(Param("ids"), GP64()), Load(Param("factors"), GP64())
	row, n := Load(Param("row"), GP64()), Load(Param("n"), GP64())
	r0, r1, a0, a1, x := YMM(), YMM(), YMM(), YMM(), YMM()
	i, at := GP64(), GP64()
	VMOVUPD(Mem{Base: row}, r0)
	VMOVUPD(Mem{Base: row, Disp: lanesBytes / 2}, r1)
	XORQ(i, i)
	Label("next")
	CMPQ(i, n)
	JGE(LabelRef("end"))
	MOVL(Mem{Base: ids, Index: i, Scale: 4}, at.As32())
	SHLQ(Imm(6), at) // lanesBytes
	VBROADCASTSD(Mem{Base: factors, Index: i, Scale: 8}, x)
	VMOVUPD(Mem{Base: dst, Index: at, Scale: 1}, a0)
	VMOVUPD(Mem{Base: dst, Index: at, Scale: 1, Disp: lanesBytes / 2}, a1)
	VFMADD231PD(r0, x, a0)
	VFMADD231PD(r1, x, a1)
	VMOVUPD(a0, Mem{Base: dst, Index: at, Scale: 1})
	VMOVUPD(a1, Mem{Base: dst, Index: at, Scale: 1, Disp: lanesBytes / 2})
	INCQ(i)
	JMP(LabelRef("next"))
	Label("end")
	VZEROUPPER()
	RET()
}

// addFourthPowersAVX2 adds the fourth powers of rows of lanes, each row times a factor, to
// one row for all and to one for the group of each, and clears the rows. It multiplies
// and adds one after the other, as Go does.
func addFourthPowersAVX2() {
	TEXT("addFourthPowersAVX2", NOSPLIT, "func(all, each, rows, factors *float64, groups *uint32, n int)")
	Pragma("noescape")
	Doc("addFourthPowersAVX2 needs AVX2.")
	all, each, rows := Load(Param("all"), GP64()), Load(Param("each"), GP64()), Load(Param("rows"), GP64())
	factors, groups, n := Load(Param("factors"), GP64()), Load(Param("groups"), GP64()), Load(Param("n"), GP64())
	s0, s1, g0, g1, p0, p1, x0, x1, zero := YMM(), YMM(), YMM(), YMM(), YMM(), YMM(), YMM(), YMM(), YMM()
	i, at := GP64(), GP64()
	VXORPD(zero, zero, zero)
	VMOVUPD(Mem{Base: all}, s0)
	VMOVUPD(Mem{Base: all, Disp: lanesBytes / 2}, s1)
	XORQ(i, i)
	Label("next")
	CMPQ(i, n)
	JGE(LabelRef("end"))
	VMOVUPD(Mem{Base: rows}, x0)
	VMOVUPD(Mem{Base: rows, Disp: lanesBytes / 2}, x1)
	VMOVUPD(zero, Mem{Base: rows})
	VMOVUPD(zero, Mem{Base: rows, Disp: lanesBytes / 2})
	VBROADCASTSD(Mem{Base: factors, Index: i, Scale: 8}, p0)
	VMULPD(x1, p0, p1)
	VMULPD(x0, p0, p0)
	for range 3 {
		VMULPD(x0, p0, p0)
		VMULPD(x1, p1, p1)
	}
	VADDPD(p0, s0, s0)
	VADDPD(p1, s1, s1)
	MOVL(Mem{Base: groups, Index: i, Scale: 4}, at.As32())
	SHLQ(Imm(6), at)
	VMOVUPD(Mem{Base: each, Index: at, Scale: 1}, g0)
	VMOVUPD(Mem{Base: each, Index: at, Scale: 1, Disp: lanesBytes / 2}, g1)
	VADDPD(p0, g0, g0)
	VADDPD(p1, g1, g1)
	VMOVUPD(g0, Mem{Base: each, Index: at, Scale: 1})
	VMOVUPD(g1, Mem{Base: each, Index: at, Scale: 1, Disp: lanesBytes / 2})
	ADDQ(Imm(lanesBytes), rows)
	INCQ(i)
	JMP(LabelRef("next"))
	Label("end")
	VMOVUPD(s0, Mem{Base: all})
	VMOVUPD(s1, Mem{Base: all, Disp: lanesBytes / 2})
	VZEROUPPER()
	RET()
}
