package main

import (
	. "github.com/mmcloughlin/avo/build" //nolint:revive // avo's own manner
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// lanesBytes is the size of a row of lanes: eight float64.
const lanesBytes = 64

// addLanes adds rows of lanes, each times the factors of its list, to the rows of the list,
// with registers of 256 or 512 bits.
func addLanes(name, doc string, register func() reg.VecVirtual, bytes int) {
	TEXT(name, NOSPLIT, "func(dst *float64, ends, ids *uint32, factors *float64, lists *uint32, from *float64, n int)")
	Pragma("noescape")
	Doc(doc)
	dst, ends, ids := Load(Param("dst"), GP64()), Load(Param("ends"), GP64()), Load(Param("ids"), GP64())
	factors, lists := Load(Param("factors"), GP64()), Load(Param("lists"), GP64())
	from, n := Load(Param("from"), GP64()), Load(Param("n"), GP64())
	var row, sum []reg.VecVirtual
	for range lanesBytes / bytes {
		row, sum = append(row, register()), append(sum, register())
	}
	x, i, end, at := register(), GP64(), GP64(), GP64()
	Label("list")
	TESTQ(n, n)
	JZ(LabelRef("end"))
	for k := range row {
		VMOVUPD(Mem{Base: from, Disp: k * bytes}, row[k])
	}
	MOVL(Mem{Base: lists}, at.As32())
	MOVL(Mem{Base: ends, Index: at, Scale: 4}, i.As32())
	MOVL(Mem{Base: ends, Index: at, Scale: 4, Disp: 4}, end.As32())
	Label("next")
	CMPQ(i, end)
	JGE(LabelRef("done"))
	MOVL(Mem{Base: ids, Index: i, Scale: 4}, at.As32())
	SHLQ(Imm(6), at) // lanesBytes
	VBROADCASTSD(Mem{Base: factors, Index: i, Scale: 8}, x)
	for k := range row {
		to := Mem{Base: dst, Index: at, Scale: 1, Disp: k * bytes}
		VMOVUPD(to, sum[k])
		VFMADD231PD(row[k], x, sum[k])
		VMOVUPD(sum[k], to)
	}
	INCQ(i)
	JMP(LabelRef("next"))
	Label("done")
	ADDQ(Imm(4), lists)
	ADDQ(Imm(lanesBytes), from)
	DECQ(n)
	JMP(LabelRef("list"))
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
