package main

import (
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// vpdpbusd adds to each int32 lane of acc the four products of unsigned bytes
// of u8 with signed bytes of s8 (a register or memory). The version of avo in use
// does not know the instruction; Go's assembler does.
func vpdpbusd(s8 operand.Op, u8, acc reg.VecVirtual) {
	inputs := []operand.Op{u8, acc}
	for _, r := range operand.Registers(s8) {
		inputs = append(inputs, r)
	}
	build.Instruction(&ir.Instruction{
		Opcode: "VPDPBUSD", Operands: []operand.Op{s8, u8, acc},
		Inputs: inputs, Outputs: []operand.Op{acc}, ISA: []string{"AVX512_VNNI"},
	})
}
