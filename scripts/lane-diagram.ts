// Writes the diagrams of docs/engine.md (between their marks) from what src/revocation/transition.ts does.
import { readFileSync, writeFileSync } from 'node:fs'
import { laneStates, withDiagrams } from './lane-states.ts'

const PAGE = 'docs/engine.md'
writeFileSync(PAGE, withDiagrams(readFileSync(PAGE, 'utf8'), laneStates()))
