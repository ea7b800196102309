//go:build !race

package weather

const raceEnabled = false
