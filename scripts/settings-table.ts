// Writes the configuration table of README.md (between the `settings` marks) and .env.example from src/config/settings.ts.
import { readFileSync, writeFileSync } from 'node:fs'
import { envExample, withSettingsTable } from '../src/config/settings-text.ts'

writeFileSync('README.md', withSettingsTable(readFileSync('README.md', 'utf8')))
writeFileSync('.env.example', envExample())
