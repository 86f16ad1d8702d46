// Writes the table of docs/telemetry.md (between the `metrics` marks) from src/telemetry/metric-list.ts.
import { readFileSync, writeFileSync } from 'node:fs'
import { withMetricTable } from '../src/telemetry/metric-list.ts'

writeFileSync('docs/telemetry.md', withMetricTable(readFileSync('docs/telemetry.md', 'utf8')))
