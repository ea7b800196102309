//go:build race

package weather

const raceEnabled = true
